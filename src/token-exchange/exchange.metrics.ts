import { Injectable } from '@nestjs/common';
import { getToken, InjectMetric, makeCounterProvider } from '@willsoto/nestjs-prometheus';
import { register, type Counter } from 'prom-client';
import { OAuthError } from '../oauth/errors.js';
import { TalliedHistogram, type Tally } from '../platform/tallied-histogram.js';
import { STAGES, type Stage } from './stage-names.js';

const EXCHANGES = 'mandate_exchanges_total';
const DECISIONS = 'mandate_policy_decisions_total';
const STAGE_SECONDS = 'mandate_exchange_stage_seconds';

const OF_STAGES = {
  name: STAGE_SECONDS,
  help: 'Seconds that each stage of a token request took.',
  labelNames: ['stage'],
  buckets: [0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2],
} as const;

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
  {
    provide: getToken(STAGE_SECONDS),
    // A process that runs one server after another has one already.
    useFactory: () => register.getSingleMetric(STAGE_SECONDS) ?? new TalliedHistogram(OF_STAGES),
  },
];

type StageSeconds = Readonly<Record<Stage, Tally>>;

/** Counts and times what the exchange does. */
@Injectable()
export class ExchangeMetrics {
  private readonly stageSeconds: StageSeconds;

  constructor(
    @InjectMetric(EXCHANGES) private readonly exchanges: Counter<'outcome'>,
    @InjectMetric(DECISIONS) private readonly decisions: Counter<'decision'>,
    @InjectMetric(STAGE_SECONDS) seconds: TalliedHistogram<'stage'>,
  ) {
    const each = STAGES.map((stage) => [stage, seconds.tally(stage)] as const);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- each stage is in the list
    this.stageSeconds = Object.fromEntries(each) as StageSeconds;
  }

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

  /** Times the stages of one evaluation, beginning now. */
  stageTimer(): StageTimer {
    return new StageTimer(this.stageSeconds);
  }
}

/** Times stages that follow each other: the clock is read once for each, since where one ends the next begins. */
export class StageTimer {
  private since = performance.now();

  constructor(private readonly seconds: StageSeconds) {}

  /** Notes that a stage is over, whether it has returned or thrown. */
  ended(stage: Stage): void {
    const now = performance.now();
    this.seconds[stage].observe((now - this.since) / 1_000);
    this.since = now;
  }
}
