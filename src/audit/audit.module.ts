import { Module } from '@nestjs/common';
import { LedgerModule } from '../ledger/ledger.module.js';
import { auditIndexMetrics } from './audit-index.metrics.js';
import { AuditIndexing } from './audit-indexing.service.js';
import { AuditSearch } from './audit-search.service.js';

/** Finds what was recorded. */
@Module({
  imports: [LedgerModule],
  providers: [AuditSearch, AuditIndexing, ...auditIndexMetrics],
  exports: [AuditSearch],
})
export class AuditModule {}
