import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { IssuersModule } from '../issuers/issuers.module.js';
import { ClientAssertions } from './client-assertions.service.js';
import { ClientSecret } from './client-secret.entity.js';
import { Client } from './client.entity.js';
import { Clients } from './clients.service.js';
import { RequestLimits } from './request-limits.service.js';
import { SecretVerifier } from './secret-verifier.js';

/** Who may ask, and how they prove it. */
@Module({
  imports: [IssuersModule, TypeOrmModule.forFeature([Client, ClientSecret])],
  providers: [Clients, ClientAssertions, RequestLimits, SecretVerifier],
  exports: [Clients, ClientAssertions, RequestLimits, SecretVerifier],
})
export class ClientsModule {}
