import { BadRequestException, ConflictException, Injectable } from '@nestjs/common';
import type { Request } from 'express';
import { v7 as uuidv7 } from 'uuid';
import { OAuthError } from '../../oauth/errors.js';
import { OutboundPolicies } from '../../platform/outbound/outbound-policies.service.js';
import { readFetchUrl } from '../../platform/outbound/fetch-rules.js';
import { Sealing } from '../../sealing/sealing.service.js';
import { VERIFICATION } from './event-types.js';
import { Receivers, streamOf, streamsOf, type Receiver } from './receivers.service.js';
import { MAX_HELD } from './signal-outbox.service.js';
import type {
  DeliveryBody,
  StatusBody,
  StreamBody,
  StreamChangeBody,
  VerificationBody,
} from './stream.body.js';
import {
  configurationOf,
  MIN_VERIFICATION_INTERVAL,
  PUSH,
  statusOf,
  type Stream,
} from './stream.js';

/** The most events from before a stream was made that are kept off it. */
const MOST_BEFORE = 5_000;

/** Streams as their receivers see and change them (OpenID SSF 1.0 8.1). */
@Injectable()
export class Streams {
  constructor(
    private readonly receivers: Receivers,
    private readonly sealing: Sealing,
    private readonly policies: OutboundPolicies,
  ) {}

  /**
   * Makes a stream, of which a receiver has one.
   *
   * @throws {ConflictException} if there is one already
   */
  async create(request: Request, body: StreamBody) {
    const id = uuidv7();
    return this.receivers.change(request, 'ssf_stream.created', async (receiver) => {
      const { zone, clientId, tx, place } = receiver;
      if ((await streamsOf(receiver)).length > 0) {
        throw new ConflictException('a receiver has one stream, and there is one already');
      }
      const { url, sealed } = await this.deliveryOf(receiver, id, body.delivery ?? null, null);
      await tx.query(BEFORE_STREAM, [zone.zoneId, MOST_BEFORE, MAX_HELD]);
      await tx.query(
        `INSERT INTO ssf_streams (zone_id, id, client_id, delivery, endpoint_url, sealed_authorization, events_requested,
                                  description)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
        [
          zone.zoneId,
          id,
          clientId,
          url === null ? 'poll' : 'push',
          url,
          sealed,
          body.events_requested ?? null,
          body.description ?? null,
        ],
      );
      const result = configurationOf(await streamOf(receiver, id), place);
      return { result, details: { stream: result } };
    });
  }

  /** The configuration of a stream, or a list of all that the receiver has: one, or none. */
  read(request: Request, id: unknown) {
    return this.receivers.read(request, async (receiver) => {
      if (id !== undefined) {
        return configurationOf(await streamOf(receiver, id, 'as it is'), receiver.place);
      }
      const streams = await streamsOf(receiver);
      return streams.map((stream) => configurationOf(stream, receiver.place));
    });
  }

  /** Changes a stream. @param how whether what is absent stays or goes (OpenID SSF 1.0 8.1.1.3, 8.1.1.4) */
  change(request: Request, body: StreamChangeBody, how: 'update' | 'replace') {
    return this.receivers.change(request, 'ssf_stream.changed', async (receiver) => {
      const { zone, tx, place } = receiver;
      const stream = await streamOf(receiver, body.stream_id);
      const before = configurationOf(stream, place);
      checkOurs(new Map(Object.entries(body)), before);
      const after = await this.changed(receiver, stream, body, how);
      await tx.query(
        `UPDATE ssf_streams SET delivery = $3, endpoint_url = $4, sealed_authorization = $5, events_requested = $6,
                description = $7, attempts = 0, due_at = clock_timestamp()
          WHERE zone_id = $1 AND id = $2`,
        [
          zone.zoneId,
          stream.id,
          after.delivery,
          after.endpointUrl,
          after.sealedAuthorization,
          after.eventsRequested,
          after.description,
        ],
      );
      const result = configurationOf(after, place);
      return { result, details: { before, after: result } };
    });
  }

  /** Removes a stream, and what waits on it. */
  async remove(request: Request, id: unknown): Promise<void> {
    await this.receivers.change(request, 'ssf_stream.deleted', async (receiver) => {
      const stream = await streamOf(receiver, id);
      const { zoneId } = receiver.zone;
      await receiver.tx.query('DELETE FROM ssf_streams WHERE zone_id = $1 AND id = $2', [
        zoneId,
        stream.id,
      ]);
      return {
        result: undefined,
        details: { stream: configurationOf(stream, receiver.place) },
      };
    });
  }

  /** The status of a stream. */
  status(request: Request, id: unknown) {
    return this.receivers.read(request, async (receiver) =>
      statusOf(await streamOf(receiver, id, 'as it is')),
    );
  }

  /** Sets the status of a stream. What waits on a disabled one is gone; an enabled one takes events again. */
  setStatus(request: Request, { stream_id: id, status, reason }: StatusBody) {
    return this.receivers.change(request, 'ssf_stream.status', async (receiver) => {
      const stream = await streamOf(receiver, id);
      const { tx, zone } = receiver;
      const key = [zone.zoneId, stream.id];
      await tx.query(
        `UPDATE ssf_streams SET status = $3, status_reason = $4, attempts = 0, due_at = clock_timestamp(),
                dropping_since = CASE WHEN $3 = 'paused' THEN dropping_since END
          WHERE zone_id = $1 AND id = $2`,
        [...key, status, reason ?? null],
      );
      if (status === 'disabled') {
        await tx.query('DELETE FROM ssf_deliveries WHERE zone_id = $1 AND stream_id = $2', key);
      }
      await tx.query(WAKE, [stream.id]);
      const result = statusOf({ ...stream, status, statusReason: reason ?? null });
      return { result, details: { before: statusOf(stream), after: result } };
    });
  }

  /**
   * Puts a verification event on a stream.
   *
   * @throws {OAuthError} slow_down, sooner than {@link MIN_VERIFICATION_INTERVAL} after the last one
   */
  async verify(request: Request, { stream_id: id, state }: VerificationBody): Promise<void> {
    await this.receivers.change(request, 'ssf_stream.verification', async (receiver) => {
      const stream = await streamOf(receiver, id);
      const { tx, zone } = receiver;
      if (stream.status === 'disabled') {
        throw new BadRequestException('nothing is put on a stream that is disabled');
      }
      const rows = await tx.query<[unknown[], number]>(VERIFIED, [
        zone.zoneId,
        stream.id,
        MIN_VERIFICATION_INTERVAL,
      ]);
      if (rows[1] === 0) {
        throw new OAuthError('slow_down', 'verification was asked for a moment ago', {
          retryAfter: MIN_VERIFICATION_INTERVAL,
        });
      }
      const event = state === undefined || state === null ? {} : { state };
      await tx.query('SELECT ssf_tell_stream($1, $2, $3, $4, false)', [
        zone.zoneId,
        stream.id,
        VERIFICATION,
        JSON.stringify(event),
      ]);
      return { result: undefined, details: { stream_id: stream.id } };
    });
  }

  private async changed(
    receiver: Receiver,
    stream: Stream,
    body: StreamChangeBody,
    how: 'update' | 'replace',
  ): Promise<Stream> {
    const stays = (value: unknown): boolean => how === 'update' && value === undefined;
    const delivery = stays(body.delivery)
      ? null
      : await this.deliveryOf(
          receiver,
          stream.id,
          body.delivery ?? null,
          how === 'update' ? stream : null,
        );
    return {
      ...stream,
      ...(delivery === null
        ? {}
        : {
            delivery: delivery.url === null ? ('poll' as const) : ('push' as const),
            endpointUrl: delivery.url,
            sealedAuthorization: delivery.sealed,
          }),
      ...(stays(body.events_requested) ? {} : { eventsRequested: body.events_requested ?? null }),
      ...(stays(body.description) ? {} : { description: body.description ?? null }),
    };
  }

  /**
   * Where events are pushed to, and with which secret, sealed. Neither for poll.
   *
   * @param before the stream whose secret stays if nothing is said of it and it goes to the same place: it is never shown, so
   *   who reads the configuration and writes it back has not got it
   */
  private async deliveryOf(
    { zone: { zoneId }, tx }: Receiver,
    id: string,
    delivery: DeliveryBody | null,
    before: Stream | null,
  ): Promise<{ readonly url: string | null; readonly sealed: Buffer | null }> {
    if (delivery === null || delivery.method !== PUSH) return { url: null, sealed: null };
    const { endpoint_url: url, authorization_header: authorization } = delivery;
    const rules = await this.policies.rulesFor('ssf_delivery', zoneId, tx);
    const target = typeof url === 'string' ? readFetchUrl(url, rules) : 'it is missing';
    if (typeof target === 'string' || typeof url !== 'string') {
      throw new BadRequestException(`delivery.endpoint_url: ${String(target)}`);
    }
    if (authorization === undefined && before?.endpointUrl === url) {
      return { url, sealed: before.sealedAuthorization };
    }
    if (typeof authorization !== 'string') return { url, sealed: null };
    const context = { purpose: 'ssf-authorization', zoneId, id } as const;
    return { url, sealed: await this.sealing.seal(context, Buffer.from(authorization)) };
  }
}

/** What the transmitter says of a stream, and a receiver may repeat. */
const OURS = [
  'iss',
  'aud',
  'events_supported',
  'events_delivered',
  'min_verification_interval',
] as const;

/** @throws {BadRequestException} if a receiver repeats wrongly what the transmitter says (OpenID SSF 1.0 8.1.1.3) */
function checkOurs(
  body: ReadonlyMap<string, unknown>,
  is: ReturnType<typeof configurationOf>,
): void {
  for (const name of OURS) {
    const said = body.get(name);
    if (said !== undefined && written(said) !== written(is[name])) {
      throw new BadRequestException(`${name} is not for the receiver to say, and is another one`);
    }
  }
}

/** A value as text; the order of a list is of no meaning. */
function written(value: unknown): string {
  return JSON.stringify(Array.isArray(value) ? value.map(String).toSorted() : value);
}

const BEFORE_STREAM = 'SELECT ssf_before_stream($1, $2, $3)';

const WAKE = `SELECT pg_notify('mandate_ssf_event', $1)`;

const VERIFIED = `
  UPDATE ssf_streams SET verified_at = clock_timestamp()
   WHERE zone_id = $1 AND id = $2
     AND (verified_at IS NULL OR verified_at < clock_timestamp() - make_interval(secs => $3))`;
