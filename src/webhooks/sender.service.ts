import { Inject, Injectable } from '@nestjs/common';
import { InjectMetric } from '@willsoto/nestjs-prometheus';
import type { Counter } from 'prom-client';
import { NIL } from 'uuid';
import { CLOCK, type Clock } from '../platform/config/clock.js';
import { DatabaseJobs } from '../platform/database/database-jobs.js';
import { PerShard } from '../platform/database/shard-scope.js';
import { OutboundPolicies } from '../platform/outbound/outbound-policies.service.js';
import { FetchFailed, guardedRequest } from '../platform/outbound/guarded-request.js';
import { inOwnSpan } from '../platform/tracing/spans.js';
import { readTraceContext } from '../platform/tracing/trace-context.js';
import { DueDeliveries, type DueDelivery } from './due-deliveries.service.js';
import { Outbox } from './outbox.service.js';
import { delayAfter } from './retry-schedule.js';
import { signMessage } from './standard-webhooks.js';
import { WebhookSecrets } from './webhook-secrets.service.js';
import type { WebhookDelivery } from './webhook-delivery.entity.js';
import { DELIVERIES } from './webhooks.metrics.js';

/** Milliseconds between two looks into the outbox while something is sent, and when nothing wakes it. */
const BUSY_MS = 700;
const IDLE_MS = 4_000;
/** Milliseconds that a receiver has for its answer. */
const TIMEOUT_MS = 10_000;
/** Deliveries that this replica sends at once, and to one receiver, whichever webhooks they are of. */
const MOST = 32;
const MOST_TO_ONE = 4;
/** Milliseconds between two looks for what has waited for too long. */
const GIVE_UP_MS = 60_000;
const GONE = 410;

/** The name by which the job is woken. */
export const WEBHOOKS_JOB = 'webhooks';

/** What one attempt to deliver came to. */
type DeliveryResult = 'delivered' | 'gone' | { readonly failure: string };

/**
 * Sends the deliveries of the outbox, each at least once: what a replica that dies has begun to send is sent
 * again by another one. No request waits for this, and a receiver that is slow holds up no other.
 */
@Injectable()
export class Sender {
  private readonly givingUp = new PerShard(() => ({ at: 0 }));

  constructor(
    private readonly dueDeliveries: DueDeliveries,
    private readonly outbox: Outbox,
    private readonly secrets: WebhookSecrets,
    private readonly policies: OutboundPolicies,
    @Inject(CLOCK) private readonly clock: Clock,
    @InjectMetric(DELIVERIES) private readonly deliveries: Counter<'result'>,
    jobs: DatabaseJobs,
  ) {
    jobs.addTaking<DueDelivery>({
      name: WEBHOOKS_JOB,
      failing: 'the outbox of webhooks cannot be read',
      unknown: 'what came of a webhook is not known',
      wokenBy: ['challenge'],
      busyMs: BUSY_MS,
      idleMs: IDLE_MS,
      most: MOST,
      idOf: ({ delivery }) => delivery.id,
      groupOf: ({ receiver }) => receiver,
      before: () => this.giveUp(),
      isAnyDue: () => this.dueDeliveries.isAnyDue(),
      take: (most, underWay) => this.dueDeliveries.take({ most, toOne: MOST_TO_ONE, underWay }),
      work: (due) => this.deliverTraced(due),
    });
  }

  private async giveUp(): Promise<void> {
    const now = performance.now();
    const next = this.givingUp.current;
    if (now < next.at) return;
    const more = await this.outbox.giveUp();
    next.at = more ? 0 : now + GIVE_UP_MS;
  }

  private deliverTraced(due: DueDelivery): Promise<void> {
    const { traceparent, eventType, attempts } = due.delivery;
    const attributes = {
      'mandate.webhook.event_type': eventType,
      'mandate.webhook.attempt': attempts,
    };
    const before = readTraceContext(traceparent ?? undefined);
    return inOwnSpan('webhook deliver', before, () => this.deliver(due), attributes);
  }

  private async deliver(due: DueDelivery): Promise<void> {
    const { delivery } = due;
    const outcome = await this.send(due);
    if (outcome === 'delivered') {
      await this.outbox.delivered(delivery);
      this.deliveries.inc({ result: 'delivered' });
      return;
    }
    if (outcome === 'gone') await this.outbox.disable(due);
    const seconds = outcome === 'gone' ? null : delayAfter(delivery.attempts, Math.random());
    const error = outcome === 'gone' ? `the answer was ${GONE}` : outcome.failure;
    await this.outbox.failed(delivery, error, seconds);
    this.deliveries.inc({ result: seconds === null ? 'dead' : 'failed' });
  }

  private async send({ delivery, webhook }: DueDelivery): Promise<DeliveryResult> {
    const now = this.clock.now();
    const text = JSON.stringify(delivery.payload);
    const body = Buffer.from(text);
    try {
      const keys = await this.secrets.keysOf(webhook, now);
      const headers = {
        ...signMessage(keys, delivery.id, now, text),
        'content-type': 'application/json',
        'user-agent': 'mandate',
        ...(delivery.traceparent === null ? {} : { traceparent: delivery.traceparent }),
      };
      const rules = await this.policies.rulesFor('webhook_delivery', zoneOf(delivery));
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

/** The zone in which it happened; `null` for what is of no zone. */
function zoneOf({ zoneId }: WebhookDelivery): string | null {
  return zoneId === NIL ? null : zoneId;
}
