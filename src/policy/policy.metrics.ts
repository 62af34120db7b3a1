import { makeCounterProvider, makeHistogramProvider } from '@willsoto/nestjs-prometheus';

export const POLICY_FAILURES = 'mandate_policy_failures_total';
export const COMPILE_SECONDS = 'mandate_policy_compile_seconds';

export const DECISION_SOURCES = 'mandate_policy_decision_sources_total';
export const REMEMBERED_CHECKS = 'mandate_policy_remembered_checks_total';

/** The kinds of failure to decide by policy. */
export type PolicyFailureKind =
  | 'no_active_set'
  | 'missing'
  | 'hash'
  | 'compile'
  | 'evaluation'
  | 'limit'
  | 'time'
  | 'busy'
  | 'unavailable';

/** The metrics of policy. */
export const policyMetrics = [
  makeCounterProvider({
    name: POLICY_FAILURES,
    help:
      'Failures of policy, by kind. Each is a request that was denied for it: no_active_set, missing, ' +
      'hash, compile (the active set cannot be used), evaluation, limit (a decision erred), time, busy ' +
      '(there was no time for a decision, which is no denial); except ' +
      'unavailable: a set that could not be compiled just now, which is tried again.',
    labelNames: ['kind'],
  }),
  makeHistogramProvider({
    name: COMPILE_SECONDS,
    help: 'Seconds from when a policy set is to be compiled until it can decide.',
    buckets: [0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10, 30, 60],
  }),
  makeCounterProvider({
    name: DECISION_SOURCES,
    help: 'Decisions on requests, by where they came from: memory, or cedar, which was asked.',
    labelNames: ['source'],
  }),
  makeCounterProvider({
    name: REMEMBERED_CHECKS,
    help:
      'Remembered decisions of which a sample was made again, by result: same; different, which is a fault ' +
      'of ours and must not occur (no more are then remembered of that policy set); or failed, without time for it.',
    labelNames: ['result'],
  }),
];
