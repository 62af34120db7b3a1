import { Module } from '@nestjs/common';
import { ClientAssertions } from '../clients/client-assertions.service.js';
import { RequestLimits } from '../clients/request-limits.service.js';
import { SecretVerifier } from '../clients/secret-verifier.js';
import { IssuersModule } from '../issuers/issuers.module.js';

/** Who asks: client credentials, and how often. */
@Module({
  imports: [IssuersModule],
  providers: [ClientAssertions, RequestLimits, SecretVerifier],
  exports: [ClientAssertions, RequestLimits, SecretVerifier],
})
export class AuthenticationModule {}
