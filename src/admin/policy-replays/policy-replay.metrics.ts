import { makeCounterProvider } from '@willsoto/nestjs-prometheus';

export const REPLAYS = 'mandate_policy_replays_total';
export const REPLAY_SECONDS = 'mandate_policy_replay_seconds_total';

/** The metrics of replays of recorded decisions. */
export const policyReplayMetrics = [
  makeCounterProvider({
    name: REPLAYS,
    help: 'Replays of recorded decisions that this replica has ended, by result: done, or failed.',
    labelNames: ['result'],
  }),
  makeCounterProvider({
    name: REPLAY_SECONDS,
    help: 'Seconds for which this replica was at replays of recorded decisions.',
  }),
];
