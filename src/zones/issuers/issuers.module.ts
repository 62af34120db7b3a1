import { Module } from '@nestjs/common';
import { OutboundModule } from '../../platform/outbound/outbound.module.js';
import { IssuerTokens } from './issuer-tokens.service.js';
import { PublicKeys } from './public-keys.service.js';
import { SubjectGenerations } from '../subject-generations.service.js';

/** Trusted issuers, and the public keys of issuers and clients. */
@Module({
  imports: [OutboundModule],
  providers: [IssuerTokens, PublicKeys, SubjectGenerations],
  exports: [IssuerTokens, PublicKeys, SubjectGenerations],
})
export class IssuersModule {}
