import { makeCounterProvider, makeHistogramProvider } from '@willsoto/nestjs-prometheus';

export const REPLAYS = 'mandate_policy_replays_total';
export const REPLAY_SECONDS = 'mandate_policy_replay_turn_seconds';

/** The metrics of replays of recorded decisions. */
export const policyReplayMetrics = [
  makeCounterProvider({
    name: REPLAYS,
    help: 'Replays of recorded decisions that this replica has ended, by result: done, or failed.',
    labelNames: ['result'],
  }),
  makeHistogramProvider({
    name: REPLAY_SECONDS,
    help: 'Seconds of one turn that this replica was at replays of recorded decisions: usually two, more where decisions are slow.',
    buckets: [0.1, 0.5, 1, 2, 5, 15, 60, 300],
  }),
];
