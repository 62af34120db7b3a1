import { Injectable } from '@nestjs/common';
import { InjectMetric } from '@willsoto/nestjs-prometheus';
import type { Counter, Histogram } from 'prom-client';
import { OAuthError } from '../oauth/errors.js';
import { DECISIONS, EXCHANGES, STAGE_SECONDS, UNRECORDED } from './exchange.metrics.js';

/** What the exchange measures of itself. */
@Injectable()
export class ExchangeMetrics {
  constructor(
    @InjectMetric(EXCHANGES) private readonly exchanges: Counter<'outcome'>,
    @InjectMetric(UNRECORDED) private readonly unrecordedDenials: Counter,
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

  unrecorded(): void {
    this.unrecordedDenials.inc();
  }

  /** Times one stage, whether it returns or throws. */
  async time<T>(stage: string, run: () => T | Promise<T>): Promise<T> {
    const stop = this.stageSeconds.startTimer({ stage });
    try {
      return await run();
    } finally {
      stop();
    }
  }
}
