import { setTimeout as sleep } from 'node:timers/promises';
import { makeCounterProvider, makeGaugeProvider } from '@willsoto/nestjs-prometheus';
import type { Gauge } from 'prom-client';
import { Outbox } from './outbox.service.js';

export const DELIVERIES = 'mandate_webhook_deliveries_total';

/** Milliseconds that a figure may take which the database has. */
const ANSWER_MS = 1_000;

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
      // Figures are there also while the database is not, or does not answer.
      const waited = new AbortController();
      const tooLate = sleep(ANSWER_MS, null, { signal: waited.signal }).catch(() => null);
      const age = await Promise.race([outbox.oldest(), tooLate]).catch(() => null);
      waited.abort();
      if (age === null) this.reset();
      else this.set(age);
    },
  }),
];
