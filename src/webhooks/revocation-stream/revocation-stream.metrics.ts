import { makeCounterProvider, makeGaugeProvider } from '@willsoto/nestjs-prometheus';
import type { Gauge } from 'prom-client';
import { ENV, type RunningEnv } from '../../platform/config/env.js';
import { setFromDatabase } from '../../platform/set-from-database.js';
import { RevocationOutbox } from './revocation-outbox.service.js';

export const REVOCATIONS = 'mandate_revocation_stream_entries_total';

/** The metrics of the revocation stream. */
export const revocationStreamMetrics = [
  makeCounterProvider({
    name: REVOCATIONS,
    help: 'What has ended, for the revocation stream, by result: sent, failed (tried again), given_up.',
    labelNames: ['result'],
  }),
  makeGaugeProvider({
    name: 'mandate_revocation_stream_oldest_seconds',
    help: 'Age of the oldest that has ended and is still to be sent; of all replicas.',
    aggregator: 'max',
    inject: [RevocationOutbox, ENV],
    async collect(this: Gauge, outbox: RevocationOutbox, { streamsHmacKey }: RunningEnv) {
      await setFromDatabase(this, async () =>
        streamsHmacKey === undefined ? null : outbox.oldest(),
      );
    },
  }),
];
