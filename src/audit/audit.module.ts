import { Module } from '@nestjs/common';
import { auditIndexMetrics } from './audit-index.metrics.js';
import { AuditIndexing } from './audit-indexing.service.js';
import { AuditSearch } from './audit-search.service.js';

/** Finds what was recorded. */
@Module({
  providers: [AuditSearch, AuditIndexing, ...auditIndexMetrics],
  exports: [AuditSearch],
})
export class AuditModule {}
