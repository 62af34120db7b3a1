import { Inject, Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import pg from 'pg';
import type { DataSource } from 'typeorm';
import { ENV, type RunningEnv } from '../../platform/config/env.js';
import { askEachShard } from '../../platform/database/each-shard.js';
import { PerShard, shardNow } from '../../platform/database/shard-scope.js';
import { zoneShardsOf, type ZoneShards } from '../../platform/database/zone-shards.js';
import { atAllZones } from '../../platform/database/at-zones.js';
import { limitsAfterStart, limitsAtStart } from '../../platform/database/pooler.js';
import { REVOCATION_STREAM, type Revocation } from './revocation-entry.js';

/** The most zones that one round looks at. */
const MOST_ZONES = 100;
/** The most that one round finds to rest on what it takes, and the most that rests on one of these. */
const MOST_BELOW = 40_000;
const MOST_BELOW_ONE = 2_000;
/** How many that have waited for too long are given up at once. */
const GIVEN_UP_AT_ONCE = 1_000;
/** Milliseconds for one statement, and for a transaction in which nothing happens. */
const STATEMENT_MS = 5_000;
/** What the server is told. */
const ON_SERVER = {
  statement_timeout: STATEMENT_MS,
  idle_in_transaction_session_timeout: STATEMENT_MS,
};

const FIRST_ID = '00000000-0000-0000-0000-000000000000';

/** What one round has come to. */
export interface Round {
  /** How many were taken out of the outbox. */
  readonly taken: number;
  /** Whether more was found that rests on these, and is in the outbox now. */
  readonly found: boolean;
}

/** A row of the outbox, or a zone of which others are sending what was looked at. */
interface Row {
  readonly zoneId: string;
  readonly id: string | null;
  readonly kind: Revocation['kind'] | 'client' | 'federated_identity';
  readonly endedId: string;
  readonly belowUntil: string | null;
}

/** What rests on a row: how much was found, and the least id of it. */
interface Below {
  readonly zoneId: string;
  readonly id: string;
  readonly found: number;
  readonly until: string;
}

/** The outbox of the revocation stream, for all replicas together. */
@Injectable()
export class RevocationOutbox {
  private readonly shards: ZoneShards | null;
  private readonly lines = new PerShard<Line>(() => ({
    client: null,
    after: FIRST_ID,
    zones: MOST_ZONES,
  }));

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    @Inject(ENV) private readonly env: RunningEnv,
  ) {
    this.shards = zoneShardsOf(env);
  }

  /** Says for an hour that there is somebody who sends what ends. Until then nothing is put into the outbox. */
  async want(): Promise<void> {
    // It is the same on all nodes, and written by whoever knows of all.
    await atAllZones(this.dataSource, () => this.dataSource.query(WANT, [REVOCATION_STREAM]));
  }

  /**
   * Takes some of what is to be sent, of each zone the same number, and what rests on it into the outbox. It is gone
   * when it is sent, and there again for any replica if this process dies before that is committed.
   *
   * @param most how many at most
   * @param send sends them; its answer is whether they were sent
   * @throws the driver's error
   */
  async round(
    most: number,
    send: (revocations: readonly Revocation[]) => Promise<boolean>,
  ): Promise<Round> {
    const line = this.lines.current;
    try {
      const client = await this.connect(line);
      const { rows } = await client.query<{ some: boolean }>(SOME);
      if (rows[0]?.some !== true) return { taken: 0, found: false };
      await client.query('BEGIN');
      const round = await this.take(line, client, most, send);
      line.zones = Math.min(line.zones * 2, MOST_ZONES);
      return round;
    } catch (error) {
      this.shards?.noteError(error);
      line.zones = 1;
      // With the connection its transaction ends.
      disconnect(line);
      throw error;
    }
  }

  /** Gives up what has waited for a day. @returns how many; there may be more */
  async giveUp(): Promise<number> {
    const counts = await askEachShard(this.shards, async () => {
      const [, count] = await this.dataSource.query<[unknown, number]>(GIVE_UP, [GIVEN_UP_AT_ONCE]);
      return count;
    });
    return counts.reduce((sum, count) => sum + count, 0);
  }

  /** The age of the oldest that is still to be sent, in seconds. */
  async oldest(): Promise<number> {
    const rows = await this.dataSource.query<{ age: number }[]>(
      `SELECT coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0)::float8 AS age
         FROM revocation_outbox`,
    );
    return rows[0]?.age ?? 0;
  }

  /** Ends the connections: what rounds have taken is free for others. */
  disconnect(): void {
    for (const line of this.lines.all) disconnect(line);
  }

  private async take(
    line: Line,
    client: pg.Client,
    most: number,
    send: (revocations: readonly Revocation[]) => Promise<boolean>,
  ): Promise<Round> {
    const { rows } = await client.query<Row>(TAKE, [line.after, line.zones, most]);
    const zones = new Set(rows.map(({ zoneId }) => zoneId));
    const last = rows.at(-1)?.zoneId;
    line.after = last === undefined || zones.size < line.zones ? FIRST_ID : last;
    const taken = rows.filter((row): row is Row & { id: string } => row.id !== null);
    const { found, whole } = await putBelow(client, taken);
    await client.query(REMOVE, [whole.map(({ zoneId }) => zoneId), whole.map(({ id }) => id)]);
    // The last thing before the commit: what is undone by a failure has hardly ever been sent.
    const sent = await send(taken.filter(isToBeSent));
    await client.query(sent ? 'COMMIT' : 'ROLLBACK');
    return sent ? { taken: taken.length, found } : { taken: 0, found: false };
  }

  private async connect(line: Line): Promise<pg.Client> {
    if (line.client !== null) return line.client;
    const { databaseUrl, limits } = this.env;
    const shard = shardNow();
    const client = new pg.Client({
      connectionString: shard === null ? databaseUrl : this.shards?.urlOf(shard),
      connectionTimeoutMillis: limits.connectMs,
      query_timeout: STATEMENT_MS + 1_000,
      ...limitsAtStart(ON_SERVER, limits.pooler),
      application_name: 'mandate revocation stream',
    });
    // The call that fails throws; an error event without a listener would end the process.
    client.on('error', () => {});
    client.on('end', () => {
      if (line.client === client) line.client = null;
    });
    await client.connect();
    await limitsAfterStart(client, ON_SERVER, limits.pooler);
    line.client = client;
    return client;
  }
}

/** What goes on from round to round. */
interface Line {
  /** The connection of rounds, whose transactions wait for Redis: no request waits for them. */
  client: pg.Client | null;
  /** The zone at which the last round ended: each has its turn. */
  after: string;
  /** How many zones a round looks at: one after a failure, so that one that fails stops no other. */
  zones: number;
}

function disconnect(line: Line): void {
  // Not awaited: a server that is paused never answers.
  void line.client?.end().catch(() => {});
  line.client = null;
}

/** Puts what rests on some rows into the outbox. @returns the rows of which that is all */
async function putBelow(client: pg.Client, taken: readonly (Row & { id: string })[]) {
  const most = Math.min(MOST_BELOW_ONE, Math.ceil(MOST_BELOW / Math.max(1, taken.length)));
  const { rows } = await client.query<Below>(PUT_BELOW, [
    taken.map(({ zoneId }) => zoneId),
    taken.map(({ id }) => id),
    taken.map(({ kind }) => kind),
    taken.map(({ endedId }) => endedId),
    taken.map(({ belowUntil }) => belowUntil),
    most,
  ]);
  const partly = new Map(rows.filter(({ found }) => found === most).map((row) => [row.id, row]));
  if (partly.size > 0) {
    const kept = [...partly.values()];
    await client.query(KEEP, [
      kept.map(({ zoneId }) => zoneId),
      kept.map(({ id }) => id),
      kept.map(({ until }) => until),
    ]);
  }
  return { found: rows.length > 0, whole: taken.filter(({ id }) => !partly.has(id)) };
}

/** Whether a row is sent itself, and was not before. */
function isToBeSent(row: Row): row is Row & Revocation {
  return row.kind !== 'client' && row.kind !== 'federated_identity' && row.belowUntil === null;
}

// Citus has no clock in such a condition, so it is one of times alone.
const WANT = `
  INSERT INTO revocation_stream AS s (name, wanted_until) VALUES ($1, clock_timestamp() + interval '1 hour')
  ON CONFLICT (name) DO UPDATE SET wanted_until = EXCLUDED.wanted_until
   WHERE EXCLUDED.wanted_until - s.wanted_until > interval '30 minutes'`;

const SOME = 'SELECT EXISTS (SELECT FROM revocation_outbox) AS some';

/** The oldest of each of some zones, none of which another replica is just sending. */
const TAKE = `
  WITH RECURSIVE zones (zone_id, n) AS (
    (SELECT o.zone_id, 1 FROM revocation_outbox o WHERE o.zone_id > $1::uuid ORDER BY o.zone_id LIMIT 1)
    UNION ALL
    SELECT (SELECT o.zone_id FROM revocation_outbox o WHERE o.zone_id > z.zone_id ORDER BY o.zone_id LIMIT 1), z.n + 1
      FROM zones z WHERE z.zone_id IS NOT NULL AND z.n < $2::integer
  ), turns AS (
    SELECT z.zone_id, ceil($3::float8 / count(*) OVER ())::bigint AS share FROM zones z WHERE z.zone_id IS NOT NULL
  )
  SELECT t.zone_id AS "zoneId", o.id, o.kind, o.ended_id AS "endedId", o.below_until AS "belowUntil"
    FROM turns t LEFT JOIN LATERAL (
      SELECT d.* FROM revocation_outbox d WHERE d.zone_id = t.zone_id
       ORDER BY d.id LIMIT t.share FOR UPDATE SKIP LOCKED) AS o ON true
   ORDER BY t.zone_id, o.id`;

const PUT_BELOW = `
  WITH below AS MATERIALIZED (
    SELECT b.zone_id, b.id AS of_id, r.kind, r.id
      FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::uuid[]) AS b (zone_id, id, kind, ended_id, until)
     CROSS JOIN LATERAL rests_on(b.zone_id, b.kind, b.ended_id,
       coalesce(b.until, 'ffffffff-ffff-ffff-ffff-ffffffffffff'), $6::integer) AS r
  ), put AS (
    INSERT INTO revocation_outbox (zone_id, id, kind, ended_id)
    SELECT d.zone_id, new_uuid_v7(), d.kind, d.id FROM (SELECT DISTINCT zone_id, kind, id FROM below) AS d
  )
  SELECT zone_id AS "zoneId", of_id AS id, count(*)::integer AS found, (array_agg(id ORDER BY id))[1] AS until
    FROM below GROUP BY zone_id, of_id`;

const KEEP = `
  UPDATE revocation_outbox o SET below_until = k.until
    FROM unnest($1::uuid[], $2::uuid[], $3::uuid[]) AS k (zone_id, id, until)
   WHERE o.zone_id = k.zone_id AND o.id = k.id`;

const REMOVE = `
  DELETE FROM revocation_outbox o USING unnest($1::uuid[], $2::uuid[]) AS r (zone_id, id)
   WHERE o.zone_id = r.zone_id AND o.id = r.id`;

const GIVE_UP = `
  DELETE FROM revocation_outbox WHERE (zone_id, id) IN (
    SELECT o.zone_id, o.id FROM revocation_outbox o WHERE o.created_at < clock_timestamp() - interval '1 day'
     ORDER BY o.created_at LIMIT $1 FOR UPDATE SKIP LOCKED)`;
