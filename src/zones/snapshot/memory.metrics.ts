import { makeGaugeProvider } from '@willsoto/nestjs-prometheus';
import type { Gauge } from 'prom-client';
import { Clients } from '../clients/clients.service.js';
import { Snapshots } from './snapshots.service.js';

/** The metrics of what snapshots take of `SNAPSHOT_MEMORY`, computed when metrics are collected. */
export const memoryMetrics = [
  makeGaugeProvider({
    name: 'mandate_snapshot_bytes',
    help: 'Memory that snapshots take, estimated, of zones and of clients.',
    labelNames: ['of'],
    inject: [Snapshots, Clients],
    collect(this: Gauge, snapshots: Snapshots, clients: Clients) {
      this.set({ of: 'zones' }, snapshots.bytes);
      this.set({ of: 'clients' }, clients.bytes);
    },
  }),
  makeGaugeProvider({
    name: 'mandate_snapshot_zones',
    help: 'Zones in memory.',
    inject: [Snapshots],
    collect(this: Gauge, snapshots: Snapshots) {
      this.set(snapshots.size);
    },
  }),
];
