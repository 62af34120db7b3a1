import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { heldEvents, takeOff } from './held-events.js';
import type { HeldEvent } from './security-event-token.js';
import { STREAM_COLUMNS, type Stream } from './stream.js';

/** Seconds after which a stream that was taken and not reported on is due again. */
const LEASE = 45;

/** A stream that is due, and where its events go. */
export interface DueStream extends Stream {
  readonly endpointUrl: string;
  /** Scheme, host and port of that. */
  readonly receiver: string;
  /** How often in a row it was tried in vain. */
  readonly attempts: number;
}

/** The streams whose events are pushed, for all replicas together: one at a time sends to one of them, in order. */
@Injectable()
export class PushStreams {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  /** Whether there is any on which something waits that may be sent. */
  async isAnyDue(): Promise<boolean> {
    return (await this.dataSource.query<unknown[]>(ANY_DUE)).length > 0;
  }

  /**
   * Takes streams on which something waits that may be sent. One becomes due again by itself unless it is reported on.
   *
   * @param limits how many at most, and to one receiver; how many are on their way already, by receiver
   */
  async take(limits: {
    most: number;
    toOne: number;
    underWay: ReadonlyMap<string, number>;
  }): Promise<DueStream[]> {
    const [taken] = await this.dataSource.query<[DueStream[], number]>(TAKE, [
      JSON.stringify(Object.fromEntries(limits.underWay)),
      limits.toOne,
      limits.most,
      LEASE,
    ]);
    return taken;
  }

  /** The events that are to be sent next, the oldest first. */
  held(stream: Stream, most: number): Promise<HeldEvent[]> {
    return heldEvents(this.dataSource, stream, most);
  }

  /** Reports that an event was received. @returns whether the stream still is as it was taken */
  async received(stream: DueStream, { jti }: HeldEvent): Promise<boolean> {
    await takeOff(this.dataSource, stream, [jti]);
    const [row] = await this.dataSource.query<{ same: boolean }[]>(SAME, [
      stream.zoneId,
      stream.id,
      stream.endpointUrl,
      stream.status,
    ]);
    return row?.same === true;
  }

  /** Reports that all that was to be sent was received, or a share of it. */
  async done({ zoneId, id }: Stream): Promise<void> {
    await this.dataSource.query(
      `UPDATE ssf_streams SET attempts = 0, due_at = clock_timestamp(), last_error = NULL
        WHERE zone_id = $1 AND id = $2`,
      [zoneId, id],
    );
  }

  /**
   * Reports that an event was not received.
   *
   * @param seconds when to try again; `null` for not before the receiver enables the stream again
   */
  async failed({ zoneId, id }: Stream, error: string, seconds: number | null): Promise<void> {
    await this.dataSource.query(seconds === null ? STOP : RETRY, [
      zoneId,
      id,
      error,
      ...(seconds === null ? [] : [seconds]),
    ]);
  }
}

/** In SQL about a stream `s`: whether it has something that may be sent now. */
const DUE = `s.delivery = 'push' AND s.due_at <= clock_timestamp()
       AND EXISTS (SELECT FROM ssf_deliveries d WHERE d.zone_id = s.zone_id AND d.stream_id = s.id
                                                  AND (s.status = 'enabled' OR d.control))`;

const ANY_DUE = `SELECT FROM ssf_streams s WHERE ${DUE} LIMIT 1`;

/**
 * Takes the streams that have waited for longest, but not all to one receiver, and none that another replica has. Those of
 * each zone have their turn.
 */
const TAKE = `
  WITH under_way AS (
    SELECT key AS receiver, value::integer AS count FROM jsonb_each_text($1::jsonb)
  ), due AS (
    SELECT s.zone_id, s.id, s.due_at, webhook_receiver(s.endpoint_url) AS receiver,
           row_number() OVER (PARTITION BY s.zone_id ORDER BY s.due_at) AS turn
      FROM ssf_streams s
      JOIN clients c ON c.zone_id = s.zone_id AND c.id = s.client_id AND c.disabled_at IS NULL
     WHERE ${DUE}
  ), fair AS (
    SELECT d.*, coalesce(u.count, 0) + row_number() OVER (PARTITION BY d.receiver ORDER BY d.turn, d.due_at) AS n
      FROM due d LEFT JOIN under_way u ON u.receiver = d.receiver
  ), picked AS (
    SELECT s.zone_id, s.id, f.receiver FROM ssf_streams s JOIN fair f ON f.zone_id = s.zone_id AND f.id = s.id
     WHERE f.n <= $2::integer AND s.due_at <= clock_timestamp()
     ORDER BY f.turn, f.due_at LIMIT $3 FOR UPDATE OF s SKIP LOCKED
  )
  UPDATE ssf_streams s SET due_at = clock_timestamp() + make_interval(secs => $4)
    FROM picked p WHERE s.zone_id = p.zone_id AND s.id = p.id
  RETURNING ${STREAM_COLUMNS}, s.attempts, p.receiver`;

const SAME = `
  SELECT delivery = 'push' AND endpoint_url = $3 AND status = $4 AS same
    FROM ssf_streams WHERE zone_id = $1 AND id = $2`;

const RETRY = `
  UPDATE ssf_streams
     SET attempts = attempts + 1, last_error = $3, due_at = clock_timestamp() + make_interval(secs => $4::float8)
   WHERE zone_id = $1 AND id = $2`;

/** A stream that is stopped already has just been told so in vain: it is left alone. */
const STOP = `
  WITH failed AS (
    UPDATE ssf_streams SET last_error = $3, due_at = 'infinity'
     WHERE zone_id = $1 AND id = $2 AND status <> 'enabled'
    RETURNING id
  )
  SELECT ssf_stop_stream(s.zone_id, s.id, 'paused', 'The receiver has not taken events: ' || $3::text, false)
    FROM ssf_streams s WHERE s.zone_id = $1 AND s.id = $2 AND NOT EXISTS (SELECT FROM failed)`;
