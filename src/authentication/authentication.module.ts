import { Module } from '@nestjs/common';
import { ClientAssertions } from './client-assertions.service.js';
import { RequestLimits } from './request-limits.service.js';
import { SecretVerifier } from './secret-verifier.js';
import { IssuersModule } from '../zones/issuers/issuers.module.js';

/** Who asks: client credentials, and how often. */
@Module({
  imports: [IssuersModule],
  providers: [ClientAssertions, RequestLimits, SecretVerifier],
  exports: [ClientAssertions, RequestLimits, SecretVerifier],
})
export class AuthenticationModule {}
