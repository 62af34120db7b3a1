import { Module } from '@nestjs/common';
import { clientMetrics } from './client.metrics.js';
import { Clients } from './clients.service.js';

/** Registered clients. */
@Module({
  providers: [Clients, ...clientMetrics],
  exports: [Clients],
})
export class ClientsModule {}
