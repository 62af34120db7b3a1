import { Module } from '@nestjs/common';
import { clientMetrics } from './client.metrics.js';
import { Clients } from './clients.service.js';
import { FederatedIdentities } from './federated-identities.service.js';

/** Registered clients. */
@Module({
  providers: [Clients, FederatedIdentities, ...clientMetrics],
  exports: [Clients, FederatedIdentities],
})
export class ClientsModule {}
