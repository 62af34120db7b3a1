import { Module } from '@nestjs/common';
import { IssuerTokens } from './issuer-tokens.service.js';
import { PublicKeys } from './public-keys.service.js';

/** Trusted issuers, and the public keys of issuers and clients. */
@Module({
  providers: [IssuerTokens, PublicKeys],
  exports: [IssuerTokens, PublicKeys],
})
export class IssuersModule {}
