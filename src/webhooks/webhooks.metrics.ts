import { makeCounterProvider, makeGaugeProvider } from '@willsoto/nestjs-prometheus';
import type { Gauge } from 'prom-client';
import { Outbox } from './outbox.service.js';
import { setFromDatabase } from '../platform/set-from-database.js';

export const DELIVERIES = 'mandate_webhook_deliveries_total';

/** The metrics of webhooks. */
export const webhookMetrics = [
  makeCounterProvider({
    name: DELIVERIES,
    help: 'Attempts to tell a webhook something, by result: delivered, failed (tried again), dead.',
    labelNames: ['result'],
  }),
  makeGaugeProvider({
    name: 'mandate_webhook_oldest_seconds',
    help: 'Age of the oldest event that is still to be delivered; of all replicas.',
    aggregator: 'max',
    inject: [Outbox],
    async collect(this: Gauge, outbox: Outbox) {
      await setFromDatabase(this, () => outbox.oldest());
    },
  }),
];
