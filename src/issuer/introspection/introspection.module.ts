import { Module } from '@nestjs/common';
import { AuthenticationModule } from '../../authentication/authentication.module.js';
import { LedgerModule } from '../../ledger/ledger.module.js';
import { PolicyModule } from '../../policy/policy.module.js';
import { IntrospectionAudit } from './introspection-audit.service.js';
import { IntrospectionController } from './introspection.controller.js';
import { introspectionMetrics } from './introspection.metrics.js';
import { Introspection } from './introspection.service.js';
import { LiveMandates } from './live-mandates.service.js';

/** Says whether mandates are active, to those who may know (RFC 7662). */
@Module({
  imports: [AuthenticationModule, LedgerModule, PolicyModule],
  controllers: [IntrospectionController],
  providers: [Introspection, IntrospectionAudit, LiveMandates, ...introspectionMetrics],
})
export class IntrospectionModule {}
