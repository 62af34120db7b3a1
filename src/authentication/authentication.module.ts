import { Module } from '@nestjs/common';
import { LedgerModule } from '../ledger/ledger.module.js';
import { IssuersModule } from '../zones/issuers/issuers.module.js';
import { SnapshotModule } from '../zones/snapshot/snapshot.module.js';
import { authenticationMetrics } from './authentication.metrics.js';
import { ClientAssertions } from './client-assertions.service.js';
import { RequestLimits } from './request-limits.service.js';
import { SecretVerifier } from './secret-verifier.js';
import { ClientAuthentication } from './client-authentication.service.js';
import { SessionBearers } from './session-bearers.service.js';
import { UnauthenticatedDenials } from './unauthenticated-denials.service.js';

/** Who asks: client credentials, session mandates as bearers, and how often. */
@Module({
  imports: [IssuersModule, LedgerModule, SnapshotModule],
  providers: [
    ClientAuthentication,
    ClientAssertions,
    RequestLimits,
    SecretVerifier,
    SessionBearers,
    UnauthenticatedDenials,
    ...authenticationMetrics,
  ],
  exports: [
    ClientAuthentication,
    RequestLimits,
    SecretVerifier,
    SessionBearers,
    UnauthenticatedDenials,
  ],
})
export class AuthenticationModule {}
