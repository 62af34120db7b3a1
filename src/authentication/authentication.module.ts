import { Module } from '@nestjs/common';
import type { Logger } from 'pino';
import { LedgerModule } from '../ledger/ledger.module.js';
import { ENV, type RunningEnv } from '../platform/config/env.js';
import { LOGGER } from '../platform/config/logger.js';
import { PRIMARY, type Link } from '../platform/workers/link.js';
import { ClientsModule } from '../zones/clients/clients.module.js';
import { IssuersModule } from '../zones/issuers/issuers.module.js';
import { SnapshotModule } from '../zones/snapshot/snapshot.module.js';
import { authenticationMetrics } from './authentication.metrics.js';
import { ClientAssertions } from './client-assertions.service.js';
import { COUNTS, OwnCounts } from './counts.js';
import { EndpointCallers } from './endpoint-callers.service.js';
import { FederatedClients } from './federated-clients.service.js';
import { RequestLimits } from './request-limits.service.js';
import { SecretVerifier } from './secret-verifier.js';
import { ClientAuthentication } from './client-authentication.service.js';
import { SessionBearers } from './session-bearers.service.js';
import { SHARED_COUNTS, SharedCounts } from './shared-counts.js';
import { PrimaryCounts } from './shared-limits.js';
import { UnauthenticatedDenials } from './unauthenticated-denials.service.js';

/** Who asks: client credentials, session mandates as bearers, and how often. */
@Module({
  imports: [ClientsModule, IssuersModule, LedgerModule, SnapshotModule],
  providers: [
    ClientAuthentication,
    ClientAssertions,
    EndpointCallers,
    FederatedClients,
    RequestLimits,
    SecretVerifier,
    SessionBearers,
    {
      provide: SHARED_COUNTS,
      useFactory: ({ redisUrl }: RunningEnv, logger: Logger) =>
        redisUrl === undefined ? null : SharedCounts.at(redisUrl, logger),
      inject: [ENV, LOGGER],
    },
    {
      provide: COUNTS,
      useFactory: (primary: Link | null) =>
        primary === null ? new OwnCounts() : new PrimaryCounts(primary),
      inject: [PRIMARY],
    },
    UnauthenticatedDenials,
    ...authenticationMetrics,
  ],
  exports: [
    COUNTS,
    ClientAuthentication,
    EndpointCallers,
    RequestLimits,
    SecretVerifier,
    SessionBearers,
    UnauthenticatedDenials,
  ],
})
export class AuthenticationModule {}
