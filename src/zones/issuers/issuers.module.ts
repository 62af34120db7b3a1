import { Module } from '@nestjs/common';
import { IssuerTokens } from './issuer-tokens.service.js';
import { PublicKeys } from './public-keys.service.js';

/** Whose signatures a zone believes beside its own. */
@Module({
  providers: [IssuerTokens, PublicKeys],
  exports: [IssuerTokens, PublicKeys],
})
export class IssuersModule {}
