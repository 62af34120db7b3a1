import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { ClientSecret } from './client-secret.entity.js';
import { Client } from './client.entity.js';
import { Clients } from './clients.service.js';
import { SecretVerifier } from './secret-verifier.js';

/** Who may ask, and how they prove it. */
@Module({
  imports: [TypeOrmModule.forFeature([Client, ClientSecret])],
  providers: [Clients, SecretVerifier],
  exports: [Clients, SecretVerifier],
})
export class ClientsModule {}
