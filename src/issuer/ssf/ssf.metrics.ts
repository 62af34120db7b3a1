import { makeCounterProvider } from '@willsoto/nestjs-prometheus';

export const SIGNALS = 'mandate_ssf_events_total';

/** The metrics of shared signals. */
export const ssfMetrics = [
  makeCounterProvider({
    name: SIGNALS,
    help: 'Events of shared signals, by method (push, poll) and result: sent, received, refused (by their receiver), failed (tried again).',
    labelNames: ['method', 'result'],
  }),
];
