import { setTimeout as sleep } from 'node:timers/promises';
import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import pg from 'pg';
import type { Logger } from 'pino';
import type { Repository } from 'typeorm';
import { ENV, type RunningEnv } from '../../platform/config/env.js';
import { LOGGER } from '../../platform/config/logger.js';
import { BackgroundWork } from '../../platform/background-work.js';
import { inEachShard } from '../../platform/database/each-shard.js';
import { zoneShardsOf } from '../../platform/database/zone-shards.js';
import { Periodic } from '../../platform/periodic.js';
import { limitsAfterStart, limitsAtStart } from '../../platform/database/pooler.js';
import { UNLIST_ZONE } from '../../zones/zone-directory.js';
import { Removal, type RemovalKind } from '../../zones/removal.entity.js';
import { countRows, ROWS, someRows } from './rows.js';

/** Milliseconds between two looks whether there is something to remove. */
const EVERY_MS = 2_000;
/** The most rows in one step. */
const STEP_ROWS = 500;
/** The least milliseconds between two steps. */
const REST_MS = 20;

/** What ends a removal: the thing itself, and what there is of it beside {@link ROWS}. */
const LAST: Readonly<Record<RemovalKind, string | null>> = {
  client: 'DELETE FROM clients WHERE zone_id = $1 AND id = $2 AND removed_at IS NOT NULL',
  issuer: null,
  zone: 'DELETE FROM zones WHERE id = $1 AND id = $2 AND removed_at IS NOT NULL',
};

/** One removal, as it is worked on. */
interface Task {
  readonly zoneId: string;
  readonly id: string;
  readonly kind: RemovalKind;
  readonly name: string;
  readonly counted: boolean;
}

/**
 * Removes the rows of what was ended (`ending.ts`), bit by bit: one replica at a time, a connection of its
 * own, each step a transaction that waits for no lock, and as much rest as work in between. How far it is is
 * in the database, so the next run goes on from there.
 */
@Injectable()
export class Removals implements OnApplicationShutdown {
  private readonly periodic = new Periodic(() =>
    inEachShard(zoneShardsOf(this.env), () => this.look()),
  );

  constructor(
    @InjectRepository(Removal) private readonly removals: Repository<Removal>,
    @Inject(ENV) private readonly env: RunningEnv,
    @Inject(LOGGER) private readonly logger: Logger,
    background: BackgroundWork,
  ) {
    background.addJob(() => this.periodic.start(EVERY_MS));
  }

  onApplicationShutdown(): void {
    this.periodic.stop();
  }

  /** The removal of something. @returns `null` if it is not being removed */
  find(zoneId: string, id: string): Promise<Removal | null> {
    return this.removals.findOneBy({ zoneId, id });
  }

  private async look(): Promise<number> {
    try {
      if (await this.removals.exists()) await this.work();
    } catch (error) {
      this.logger.warn({ err: error }, 'what was ended was not removed, trying again');
    }
    return EVERY_MS;
  }

  private async work(): Promise<void> {
    const { databaseUrl, limits } = this.env;
    const shards = zoneShardsOf(this.env);
    const shard = shards?.current ?? null;
    const url = shards === null || shard === null ? databaseUrl : shards.urlOf(shard);
    const client = new pg.Client({
      connectionString: url,
      connectionTimeoutMillis: limits.connectMs,
      query_timeout: 11_000,
      ...limitsAtStart(ON_SERVER, limits.pooler),
      application_name: 'mandate removals',
    });
    // The call that fails throws; an error event without a listener would end the process.
    client.on('error', () => {});
    try {
      await client.connect();
      await limitsAfterStart(client, ON_SERVER, limits.pooler);
      // A machine that is gone does not close its connection, and would keep its turn.
      await client.query(`SET idle_session_timeout = '1min'`);
      const { rows } = await client.query<{ mine: boolean }>(TAKE);
      // It is given back with the connection.
      if (rows[0]?.mine === true) await this.removeAll(client);
    } finally {
      // Not awaited: a server that is paused never answers.
      void client.end().catch(() => {});
    }
  }

  /** One step of each removal, round after round, until none is left. One that fails is left for the next look. */
  private async removeAll(client: pg.Client): Promise<void> {
    const failed = new Set<string>();
    const uncountable = new Set<string>();
    for (;;) {
      const { rows: tasks } = await client.query<Task>(TASKS, [[...failed]]);
      if (tasks.length === 0) return;
      for (const task of tasks) {
        if (this.periodic.stopped) return;
        const began = performance.now();
        const counting = !task.counted && !uncountable.has(task.id);
        const done = await this.attempt(task, () =>
          counting ? count(client, task) : this.step(client, task),
        );
        // What takes too long to be counted is removed all the same.
        if (!done) (counting ? uncountable : failed).add(task.id);
        await sleep(Math.max(REST_MS, performance.now() - began));
      }
    }
  }

  /** @returns `false` if it did not work: another transaction has something locked, say */
  private async attempt(task: Task, act: () => Promise<void>): Promise<boolean> {
    try {
      await act();
      return true;
    } catch (error) {
      // Without a connection the next statement fails as well, and ends the round.
      const { kind, id, zoneId } = task;
      this.logger.warn({ err: error, kind, id, zoneId }, 'a removal does not get on, trying again');
      return false;
    }
  }

  private async step(client: pg.Client, task: Task): Promise<void> {
    const { zoneId, id, kind } = task;
    for (const rows of ROWS[kind]) {
      const most = Math.ceil(STEP_ROWS / (rows.weight ?? 1));
      const acted = await client.query<{ done: number }>(someRows(rows), [
        zoneId,
        whichOf(task),
        most,
        id,
      ]);
      if ((acted.rows[0]?.done ?? 0) > 0) return;
    }
    await client.query('BEGIN');
    try {
      const last = LAST[kind];
      if (last !== null) await client.query(last, [zoneId, id]);
      if (kind === 'zone') await client.query(UNLIST_ZONE, [zoneId]);
      await client.query('DELETE FROM removals WHERE zone_id = $1 AND id = $2', [zoneId, id]);
      await client.query('COMMIT');
    } catch (error) {
      await client.query('ROLLBACK');
      throw error;
    }
    this.logger.info({ kind, id, zoneId }, 'what was ended is removed');
  }
}

async function count(client: pg.Client, task: Task): Promise<void> {
  const { zoneId, id, kind } = task;
  const { rows } = await client.query<{ count: number }>(countRows(kind), [
    zoneId,
    whichOf(task),
    null,
  ]);
  await client.query(COUNTED, [zoneId, id, rows[0]?.count ?? null]);
}

/** What its rows are told by. */
function whichOf({ kind, id, name }: Task): string {
  return kind === 'issuer' ? name : id;
}

/** A row that another transaction has locked is left for later, so that it never waits behind this. */
const ON_SERVER = { statement_timeout: 10_000, lock_timeout: 300 };

const TAKE = `SELECT pg_try_advisory_lock(hashtextextended('mandate.removals', 0)) AS mine`;

const TASKS = `SELECT zone_id AS "zoneId", id, kind, name, total IS NOT NULL AS counted
  FROM removals WHERE id <> ALL($1::uuid[]) ORDER BY requested_at LIMIT 100`;

const COUNTED = 'UPDATE removals SET total = removed + $3::bigint WHERE zone_id = $1 AND id = $2';
