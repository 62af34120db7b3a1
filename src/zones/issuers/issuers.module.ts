import { Module } from '@nestjs/common';
import { IssuerTokens } from './issuer-tokens.service.js';
import { PublicKeys } from './public-keys.service.js';
import { SubjectGenerations } from '../subject-generations.service.js';

/** Trusted issuers, and the public keys of issuers and clients. */
@Module({
  providers: [IssuerTokens, PublicKeys, SubjectGenerations],
  exports: [IssuerTokens, PublicKeys, SubjectGenerations],
})
export class IssuersModule {}
