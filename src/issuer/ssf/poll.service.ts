import { BadRequestException, Inject, Injectable } from '@nestjs/common';
import { InjectMetric } from '@willsoto/nestjs-prometheus';
import type { Request } from 'express';
import type { Logger } from 'pino';
import type { Counter } from 'prom-client';
import { CLOCK, type Clock } from '../../platform/config/clock.js';
import { LOGGER } from '../../platform/config/logger.js';
import { isJsonObject, type JsonObject } from '../../oauth/strict-json.js';
import { isUuid } from '../../oauth/vocabulary.js';
import type { ZoneSnapshot } from '../../zones/snapshot/zone-snapshot.js';
import { heldEvents, takeOff } from './held-events.js';
import type { PollBody } from './poll.body.js';
import { Receivers, streamOf } from './receivers.service.js';
import { signEvent, type HeldEvent } from './security-event-token.js';
import { SIGNALS } from './signal-counts.js';
import type { Stream } from './stream.js';
import { StreamWaits } from './stream-waits.service.js';

/** The most events in one answer. */
const MAX_EVENTS = 100;
/** The longest wait, in milliseconds. */
export const MAX_WAIT_MS = 25_000;
/** The most events that one poll says something was wrong with. */
const MAX_ERRORS = 1_000;
/** Characters of what a receiver says was wrong. */
const MAX_ERROR_LENGTH = 300;

/** An answer to a poll (RFC 8936 2.4). */
export interface Polled {
  /** By `jti`, signed. */
  readonly sets: Readonly<Record<string, string>>;
  readonly moreAvailable?: true;
}

/** What one look at a stream has found. */
interface Look {
  readonly zone: ZoneSnapshot;
  readonly stream: Stream;
  readonly held: readonly HeldEvent[];
}

/**
 * Lets receivers fetch the events of their streams (RFC 8936). What was fetched stays on the stream, and is answered
 * again, until it is acknowledged.
 */
@Injectable()
export class Poll {
  constructor(
    private readonly receivers: Receivers,
    private readonly waits: StreamWaits,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
    @InjectMetric(SIGNALS) private readonly signals: Counter<'method' | 'result'>,
  ) {}

  /**
   * Takes off what was received, and answers what is there: at once, or as soon as there is something.
   *
   * @param gone aborted when the caller has gone away
   */
  async poll(
    request: Request,
    streamId: string,
    body: PollBody,
    gone: AbortSignal,
  ): Promise<Polled> {
    const most = Math.min(body.maxEvents ?? MAX_EVENTS, MAX_EVENTS);
    const errors = readErrors(body.setErrs ?? {});
    const waits = body.returnImmediately !== true && most > 0;
    // Made before the first look, so that nothing that comes in between is missed.
    const waiter = waits && isUuid(streamId) ? this.waits.begin(streamId) : null;
    try {
      const first = await this.look(request, streamId, body.ack ?? [], errors, most);
      if (waiter === null || first.held.length > 0) return await this.answer(first, most);
      await waiter.until(MAX_WAIT_MS, gone);
      if (gone.aborted) return { sets: {} };
      return await this.answer(await this.look(request, streamId, [], new Map(), most), most);
    } finally {
      waiter?.end();
    }
  }

  private look(
    request: Request,
    streamId: string,
    received: readonly string[],
    errors: ReadonlyMap<string, string>,
    most: number,
  ): Promise<Look> {
    return this.receivers.read(request, async (receiver) => {
      const { zone, tx } = receiver;
      const stream = await streamOf(receiver, streamId, 'as it is');
      if (stream.delivery !== 'poll') {
        throw new BadRequestException('the events of this stream are pushed');
      }
      const jtis = [...new Set([...received, ...errors.keys()])].filter((jti) => isUuid(jti));
      const off = await takeOff(tx, stream, jtis);
      this.countOff(stream, off, errors);
      const held = most === 0 ? [] : await heldEvents(tx, stream, most + 1);
      return { zone, stream, held };
    });
  }

  private async answer({ zone, stream, held }: Look, most: number): Promise<Polled> {
    const now = this.clock.now();
    const signed = await Promise.all(
      held
        .slice(0, most)
        .map(async (event) => [event.jti, await signEvent(zone, stream, event, now)] as const),
    );
    this.signals.inc({ method: 'poll', result: 'sent' }, signed.length);
    const sets = Object.fromEntries(signed);
    return held.length > most ? { sets, moreAvailable: true } : { sets };
  }

  private countOff(
    stream: Stream,
    off: readonly string[],
    errors: ReadonlyMap<string, string>,
  ): void {
    const refused = off.filter((jti) => errors.has(jti));
    this.signals.inc({ method: 'poll', result: 'refused' }, refused.length);
    this.signals.inc({ method: 'poll', result: 'received' }, off.length - refused.length);
    for (const jti of refused.slice(0, 10)) {
      const problem = errors.get(jti);
      const { id: stream_id, zoneId: zone_id } = stream;
      this.logger.warn({ zone_id, stream_id, jti, problem }, 'a receiver has refused an event');
    }
  }
}

/** What receivers say was wrong, by `jti`. */
function readErrors(errors: JsonObject): Map<string, string> {
  const entries = Object.entries(errors);
  if (entries.length > MAX_ERRORS) throw new BadRequestException('setErrs has too many members');
  return new Map(
    entries.map(([jti, error]) => {
      const { err, description } = isJsonObject(error) ? error : {};
      const told = [err, description].filter((one) => typeof one === 'string').join(': ');
      return [jti, told.slice(0, MAX_ERROR_LENGTH)];
    }),
  );
}
