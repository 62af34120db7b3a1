import { makeGaugeProvider } from '@willsoto/nestjs-prometheus';
import type { Gauge } from 'prom-client';
import { ChallengeWaits } from './challenge-waits.service.js';

/** The metrics of requests that wait for a decision. */
export const challengeWaitsMetrics = [
  makeGaugeProvider({
    name: 'mandate_step_up_waiting_requests',
    help: 'Requests that wait for the decision on a challenge.',
    inject: [ChallengeWaits],
    collect(this: Gauge, waits: ChallengeWaits) {
      this.set(waits.waiting);
    },
  }),
];
