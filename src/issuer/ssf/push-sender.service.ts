import { Inject, Injectable } from '@nestjs/common';
import { InjectMetric } from '@willsoto/nestjs-prometheus';
import type { Logger } from 'pino';
import type { Counter } from 'prom-client';
import { CLOCK, type Clock } from '../../platform/config/clock.js';
import { LOGGER } from '../../platform/config/logger.js';
import { DatabaseJobs } from '../../platform/database/database-jobs.js';
import type { ShardJobs } from '../../platform/database/shard-jobs.js';
import { FetchFailed, guardedRequest } from '../../platform/outbound/guarded-request.js';
import { OutboundPolicies } from '../../platform/outbound/outbound-policies.service.js';
import { inOwnSpan } from '../../platform/tracing/spans.js';
import { Sealing } from '../../sealing/sealing.service.js';
import { delayAfter } from '../../webhooks/retry-schedule.js';
import { Snapshots } from '../../zones/snapshot/snapshots.service.js';
import { PushStreams, type DueStream } from './push-streams.service.js';
import { readPushAnswer, type PushAnswer } from './push-answer.js';
import { signEvent, type HeldEvent } from './security-event-token.js';
import { SIGNALS } from './signal-counts.js';

/** Milliseconds between two looks for streams that are due while some are sent to, and when nothing wakes it. */
const BUSY_MS = 1_000;
const IDLE_MS = 4_000;
/** Milliseconds that a receiver has for its answer, and that are spent on one stream before it is the turn of others. */
const TIMEOUT_MS = 10_000;
const TURN_MS = 10_000;
/** Events of one stream in its turn. */
const MOST_EVENTS = 50;
/** Streams that this replica sends to at once, and those of one receiver. */
const MOST = 32;
const MOST_TO_ONE = 4;

/**
 * Pushes the events of streams to their receivers (RFC 8935), each at least once and those of one stream in order: what a
 * replica that dies has begun to send is sent again by another one. No request waits for this, and a receiver that is slow
 * holds up no other.
 */
@Injectable()
export class PushSender {
  private readonly job: ShardJobs;

  constructor(
    private readonly streams: PushStreams,
    private readonly snapshots: Snapshots,
    private readonly sealing: Sealing,
    private readonly policies: OutboundPolicies,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
    @InjectMetric(SIGNALS) private readonly signals: Counter<'method' | 'result'>,
    jobs: DatabaseJobs,
  ) {
    this.job = jobs.addTaking<DueStream>({
      name: 'signal pushes',
      failing: 'the streams of shared signals cannot be read',
      unknown: 'what came of a push is not known',
      wokenBy: ['signal'],
      busyMs: BUSY_MS,
      idleMs: IDLE_MS,
      most: MOST,
      idOf: ({ id }) => id,
      groupOf: ({ receiver }) => receiver,
      isAnyDue: () => this.streams.isAnyDue(),
      take: (most, underWay) => this.streams.take({ most, toOne: MOST_TO_ONE, underWay }),
      work: (stream) => this.deliver(stream),
    });
  }

  /** Sends events until there is no more, one is not received, or the stream has had its turn. */
  private async deliver(stream: DueStream): Promise<void> {
    const until = performance.now() + TURN_MS;
    const zone = await this.snapshots.find(stream.zoneId);
    if (zone === null) return;
    const authorization = await this.authorizationOf(stream);
    for (const event of await this.streams.held(stream, MOST_EVENTS)) {
      if (!this.job.running) return;
      const set = await signEvent(zone, stream, event, this.clock.now());
      const answer = await this.send(stream, set, authorization);
      if (answer !== 'received') {
        await this.failed(stream, event, answer);
        return;
      }
      this.signals.inc({ method: 'push', result: 'received' });
      const same = await this.streams.received(stream, event);
      if (!same || performance.now() > until) break;
    }
    await this.streams.done(stream);
  }

  private async failed(
    stream: DueStream,
    { jti }: HeldEvent,
    { kind, why }: Exclude<PushAnswer, 'received'>,
  ): Promise<void> {
    const again =
      stream.status === 'enabled' ? delayAfter(stream.attempts + 1, Math.random()) : null;
    this.signals.inc({ method: 'push', result: kind });
    if (kind === 'refused' || again === null) {
      const { id: stream_id, zoneId: zone_id } = stream;
      this.logger.warn({ zone_id, stream_id, jti, why }, 'a receiver has not taken an event');
    }
    await this.streams.failed(stream, why, again);
  }

  private async authorizationOf({
    zoneId,
    id,
    sealedAuthorization,
  }: DueStream): Promise<string | null> {
    if (sealedAuthorization === null) return null;
    const context = { purpose: 'ssf-authorization', zoneId, id } as const;
    return (await this.sealing.open(context, sealedAuthorization)).toString();
  }

  private async send(
    { zoneId, endpointUrl }: DueStream,
    set: string,
    authorization: string | null,
  ): Promise<PushAnswer> {
    const rules = await this.policies.rulesFor('ssf_delivery', zoneId);
    const headers = {
      'content-type': 'application/secevent+jwt',
      accept: 'application/json',
      'user-agent': 'mandate',
      ...(authorization === null ? {} : { authorization }),
    };
    const outbound = {
      method: 'POST',
      headers,
      body: Buffer.from(set),
      timeoutMs: TIMEOUT_MS,
    } as const;
    try {
      return await inOwnSpan('signal push', null, () =>
        guardedRequest(endpointUrl, rules, outbound, readPushAnswer),
      );
    } catch (error) {
      if (error instanceof FetchFailed) return { kind: 'failed', why: error.message };
      throw error;
    }
  }
}
