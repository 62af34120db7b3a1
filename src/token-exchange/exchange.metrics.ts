import { Injectable } from '@nestjs/common';
import {
  InjectMetric,
  makeCounterProvider,
  makeHistogramProvider,
} from '@willsoto/nestjs-prometheus';
import type { Counter, Histogram } from 'prom-client';
import { OAuthError } from '../oauth/errors.js';

const EXCHANGES = 'mandate_exchanges_total';
const DECISIONS = 'mandate_policy_decisions_total';
const STAGE_SECONDS = 'mandate_exchange_stage_seconds';

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
  makeHistogramProvider({
    name: STAGE_SECONDS,
    help: 'Seconds that each stage of a token request took.',
    labelNames: ['stage'],
    buckets: [0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2],
  }),
];

/** Counts and times what the exchange does. */
@Injectable()
export class ExchangeMetrics {
  /** The histogram of each stage, looked up once. */
  private readonly stages = new Map<string, Histogram.Internal<'stage'>>();

  constructor(
    @InjectMetric(EXCHANGES) private readonly exchanges: Counter<'outcome'>,
    @InjectMetric(DECISIONS) private readonly decisions: Counter<'decision'>,
    @InjectMetric(STAGE_SECONDS) private readonly stageSeconds: Histogram<'stage'>,
  ) {}

  issued(): void {
    this.exchanges.inc({ outcome: 'issued' });
  }

  /** @param error what is answered; anything but an `OAuthError` is our own fault */
  refused(error: unknown): void {
    this.exchanges.inc({ outcome: error instanceof OAuthError ? error.code : 'server_error' });
  }

  decided(decision: string): void {
    this.decisions.inc({ decision });
  }

  /** Times one stage, whether it returns or throws. */
  async time<T>(stage: string, run: () => T | Promise<T>): Promise<T> {
    const seconds = this.secondsOf(stage);
    const started = performance.now();
    try {
      return await run();
    } finally {
      seconds.observe((performance.now() - started) / 1_000);
    }
  }

  private secondsOf(stage: string): Histogram.Internal<'stage'> {
    const known = this.stages.get(stage);
    if (known !== undefined) return known;
    const seconds = this.stageSeconds.labels({ stage });
    this.stages.set(stage, seconds);
    return seconds;
  }
}
