import { makeCounterProvider, makeHistogramProvider } from '@willsoto/nestjs-prometheus';

export const EXCHANGES = 'mandate_exchanges_total';
export const DECISIONS = 'mandate_policy_decisions_total';
export const UNRECORDED = 'mandate_unrecorded_denials_total';
export const STAGE_SECONDS = 'mandate_exchange_stage_seconds';

/** What the exchange measures of itself. Every label is from a closed set. */
export const exchangeMetrics = [
  makeCounterProvider({
    name: EXCHANGES,
    help: 'Token requests, by outcome: issued, or the error code of the answer.',
    labelNames: ['outcome'],
  }),
  makeCounterProvider({
    name: DECISIONS,
    help: 'Decisions of policy, one for each resource asked for: allow, deny, step_up, error.',
    labelNames: ['decision'],
  }),
  makeCounterProvider({
    name: UNRECORDED,
    help: 'Refusals of strangers that were too many to be recorded.',
  }),
  makeHistogramProvider({
    name: STAGE_SECONDS,
    help: 'Seconds that each stage of a token request took.',
    labelNames: ['stage'],
    buckets: [0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2],
  }),
];
