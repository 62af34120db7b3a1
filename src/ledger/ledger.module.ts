import { Module } from '@nestjs/common';
import { CommitCheck } from './commit-check.service.js';
import { LedgerMaintenance } from './ledger.maintenance.js';
import { ledgerMetrics } from './ledger.metrics.js';
import { Ledger } from './ledger.service.js';
import { StatusBlocks } from './status-lists/status-blocks.service.js';

/** Commits what happened, or says which fact moved; and reads the audit log. */
@Module({
  providers: [Ledger, CommitCheck, LedgerMaintenance, StatusBlocks, ...ledgerMetrics],
  exports: [Ledger, CommitCheck, StatusBlocks],
})
export class LedgerModule {}
