import { makeCounterProvider, makeGaugeProvider } from '@willsoto/nestjs-prometheus';
import type { Gauge } from 'prom-client';
import { setFromDatabase } from '../../platform/set-from-database.js';
import { SignalFigures } from './signal-figures.service.js';
import { POLLS, RECEIVED, SIGNALS } from './signal-counts.js';

/** The metrics of shared signals. */
export const ssfMetrics = [
  makeCounterProvider({
    name: SIGNALS,
    help: 'Events of shared signals, by method (push, poll) and result: sent, received, refused (by their receiver), failed (tried again).',
    labelNames: ['method', 'result'],
  }),
  makeCounterProvider({
    name: RECEIVED,
    help: 'Security Event Tokens of trusted issuers, by result: revoked, ignored (of no consequence), dropped (so, and too many to be read), repeated, refused.',
    labelNames: ['result'],
  }),
  makeCounterProvider({
    name: POLLS,
    help: 'Turns of trusted issuers whose signals are fetched, by result: answered, failed (asked again later).',
    labelNames: ['result'],
  }),
  makeGaugeProvider({
    name: 'mandate_ssf_streams_stopped',
    help: 'Streams on which nothing more is kept, because too much waits there for its receiver; of all replicas.',
    aggregator: 'max',
    inject: [SignalFigures],
    async collect(this: Gauge, figures: SignalFigures) {
      await setFromDatabase(this, () => figures.stopped());
    },
  }),
  makeGaugeProvider({
    name: 'mandate_ssf_oldest_seconds',
    help: 'Age of the oldest event that no receiver has taken from a stream that is enabled; of all replicas.',
    aggregator: 'max',
    inject: [SignalFigures],
    async collect(this: Gauge, figures: SignalFigures) {
      await setFromDatabase(this, () => figures.oldest());
    },
  }),
];
