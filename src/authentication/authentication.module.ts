import { Module } from '@nestjs/common';
import { ClientAssertions } from './client-assertions.service.js';
import { RequestLimits } from './request-limits.service.js';
import { SecretVerifier } from './secret-verifier.js';
import { ClientAuthentication } from './client-authentication.service.js';
import { IssuersModule } from '../zones/issuers/issuers.module.js';
import { SnapshotModule } from '../zones/snapshot/snapshot.module.js';

/** Who asks: client credentials, and how often. */
@Module({
  imports: [IssuersModule, SnapshotModule],
  providers: [ClientAuthentication, ClientAssertions, RequestLimits, SecretVerifier],
  exports: [ClientAuthentication, SecretVerifier],
})
export class AuthenticationModule {}
