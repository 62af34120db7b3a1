import { Module } from '@nestjs/common';
import { AuditLog } from './audit-log.service.js';
import { CommitCheck } from './commit-check.service.js';
import { LedgerMaintenance } from './ledger.maintenance.js';
import { ledgerMetrics } from './ledger.metrics.js';
import { Ledger } from './ledger.service.js';

/** Commits what happened, or says which fact moved; and reads the audit log. */
@Module({
  providers: [Ledger, AuditLog, CommitCheck, LedgerMaintenance, ...ledgerMetrics],
  exports: [Ledger, AuditLog, CommitCheck],
})
export class LedgerModule {}
