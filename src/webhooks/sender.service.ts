import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { InjectMetric } from '@willsoto/nestjs-prometheus';
import type { Logger } from 'pino';
import type { Counter } from 'prom-client';
import { CLOCK, type Clock } from '../platform/config/clock.js';
import { ENV, type RunningEnv } from '../platform/config/env.js';
import { LOGGER } from '../platform/config/logger.js';
import { BackgroundWork } from '../platform/background-work.js';
import { Periodic } from '../platform/periodic.js';
import { FetchFailed, guardedRequest } from '../platform/outbound/guarded-request.js';
import { Outbox, type DueDelivery } from './outbox.service.js';
import { delayAfter } from './retry-schedule.js';
import { signMessage } from './standard-webhooks.js';
import { DELIVERIES } from './webhooks.metrics.js';
import { Webhooks } from './webhooks.service.js';

/** Milliseconds between two looks into the outbox, and while the database is away. */
const LOOK_MS = 700;
const AWAY_MS = 3_000;
/** Milliseconds that a receiver has for its answer. */
const TIMEOUT_MS = 10_000;
/** Deliveries that this replica sends at once, and to one receiver, whichever webhooks they are of. */
const MOST = 32;
const MOST_TO_ONE = 4;
/** Milliseconds between two looks for what has waited for too long. */
const GIVE_UP_MS = 60_000;
const GONE = 410;

/** The outcome of one attempt to deliver. */
type Outcome = 'delivered' | 'gone' | { readonly failure: string };

/**
 * Sends the deliveries of the outbox, each at least once: what a replica that dies has begun to send is sent
 * again by another one. No request waits for this, and a receiver that is slow holds up no other.
 */
@Injectable()
export class Sender implements OnApplicationShutdown {
  /** The receivers of what is on its way, by the id of the delivery. */
  private readonly sending = new Map<string, string>();
  private giveUpAt = 0;
  private readonly periodic = new Periodic(() => this.look(), 0.2);

  constructor(
    private readonly outbox: Outbox,
    private readonly webhooks: Webhooks,
    @Inject(ENV) private readonly env: RunningEnv,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
    @InjectMetric(DELIVERIES) private readonly deliveries: Counter<'result'>,
    background: BackgroundWork,
  ) {
    background.addJob(() => this.periodic.start(LOOK_MS));
  }

  /** Deliveries under way are not waited for: they are sent again if they have to be. */
  onApplicationShutdown(): void {
    this.periodic.stop();
  }

  private async look(): Promise<number> {
    try {
      await this.giveUp();
      const due = await this.take();
      for (const one of due) this.begin(one);
      return due.length > 0 ? 0 : LOOK_MS;
    } catch (error) {
      this.logger.warn({ err: error }, 'the outbox of webhooks cannot be read');
      return AWAY_MS;
    }
  }

  private async take(): Promise<DueDelivery[]> {
    const most = MOST - this.sending.size;
    if (most <= 0) return [];
    const underWay = new Map<string, number>();
    for (const receiver of this.sending.values()) {
      underWay.set(receiver, (underWay.get(receiver) ?? 0) + 1);
    }
    return this.outbox.take({ most, toOne: MOST_TO_ONE, underWay });
  }

  private async giveUp(): Promise<void> {
    const now = performance.now();
    if (now < this.giveUpAt) return;
    const more = await this.outbox.giveUp();
    this.giveUpAt = more ? 0 : now + GIVE_UP_MS;
  }

  private begin(due: DueDelivery): void {
    const { id } = due.delivery;
    this.sending.set(id, due.receiver);
    void this.deliver(due)
      .catch((error: unknown) => {
        this.logger.warn({ err: error, delivery: id }, 'what came of a webhook is not known');
      })
      .finally(() => this.sending.delete(id));
  }

  private async deliver(due: DueDelivery): Promise<void> {
    const { delivery, webhook } = due;
    const outcome = await this.send(due);
    if (outcome === 'delivered') {
      await this.outbox.delivered(delivery);
      this.deliveries.inc({ result: 'delivered' });
      return;
    }
    if (outcome === 'gone') await this.outbox.disable(webhook);
    const seconds = outcome === 'gone' ? null : delayAfter(delivery.attempts, Math.random());
    const error = outcome === 'gone' ? `the answer was ${GONE}` : outcome.failure;
    await this.outbox.failed(delivery, error, seconds);
    this.deliveries.inc({ result: seconds === null ? 'dead' : 'failed' });
  }

  private async send({ delivery, webhook }: DueDelivery): Promise<Outcome> {
    const now = this.clock.now();
    const text = JSON.stringify(delivery.payload);
    const body = Buffer.from(text);
    try {
      const keys = await this.webhooks.keysOf(webhook, now);
      const headers = {
        ...signMessage(keys, delivery.id, now, text),
        'content-type': 'application/json',
        'user-agent': 'mandate',
        ...(delivery.traceparent === null ? {} : { traceparent: delivery.traceparent }),
      };
      const rules = {
        allowInsecure: this.env.allowInsecureFetch,
        allowPrivate: this.env.allowPrivateFetch,
      };
      const outbound = { method: 'POST', headers, body, timeoutMs: TIMEOUT_MS } as const;
      // Only the status of the answer is read.
      const status = await guardedRequest(
        webhook.url,
        rules,
        outbound,
        (response) => response.statusCode ?? 0,
      );
      if (status === GONE) return 'gone';
      return status >= 200 && status < 300 ? 'delivered' : { failure: `the answer was ${status}` };
    } catch (error) {
      if (error instanceof FetchFailed) return { failure: error.message };
      throw error;
    }
  }
}
