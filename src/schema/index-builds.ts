import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { blockersOf } from './blockers.js';
import { backendOf, openConnection } from './schema-connection.js';
import { isBusy } from './tables-in-use.js';

/** "mandatei" in ASCII: the advisory lock of the one process that builds indexes. */
const INDEX_LOCK = '7881702200285881705';

/** Milliseconds that an index may wait to be attached: who reads the partition waits behind it. */
const ATTACH_LOCK_MS = 300;
/** Milliseconds between two such attempts, so that readers are kept waiting for a small share of the time. */
const ATTACH_AGAIN_MS = 3_000;
/** Milliseconds after which is said what is being done, and what it waits for: what is quick needs no words. */
const SAY_EVERY_MS = 10_000;

/** An index that a table lacks, or one partition of it, and how far it is there. */
interface Lacking {
  readonly index: string;
  /** The partition, or the whole table. */
  readonly partition: string;
  /** The name that the partition's index has, or will have. */
  readonly name: string;
  readonly unique: boolean;
  /** From ` USING ` on, as `pg_get_indexdef` has it. */
  readonly definition: string;
  /** `broken`: what is left of a build that was interrupted. `built`: whole, and not part of the index yet. */
  readonly state: 'absent' | 'broken' | 'built';
}

interface Step {
  readonly text: string;
  /** Milliseconds that it may wait for a lock, for ever if 0. */
  readonly lockMs: number;
  readonly doing: string;
  readonly next: Lacking['state'] | 'whole';
}

/** How an attempt to build what is missing has ended; in `elsewhere`, another process is at it. */
export interface IndexBuild {
  readonly outcome: 'whole' | 'elsewhere';
  /** The names of the indexes that were completed here. */
  readonly built: readonly string[];
}

/** What {@link buildIndexes} needs beside the database. */
export interface BuildOptions {
  /** Milliseconds for making a connection. */
  readonly connectMs: number;
  /** Told every ten seconds what is being done, how much is left and what it waits for. */
  readonly say: (message: string) => void;
  /** Milliseconds for that, unless ten seconds. */
  readonly sayEveryMs?: number;
  /** Gives up when it is aborted. The server still ends the statement that runs. */
  readonly signal?: AbortSignal;
}

/** The indexes of tables without partitions that may be large: name, table, and definition from ` USING ` on. */
const OF_WHOLE_TABLES = `VALUES
  ('clients_by_label', 'clients', ' USING gin (label_keys(zone_id, labels)) WHERE labels <> ''{}''')`;

/**
 * Whether {@link buildIndexes} might find something to do. An index that is declared `ON ONLY` is invalid until it has one
 * of each partition, and partitions that are made later come with theirs, so this looks at no partition.
 *
 * @param query asks the database
 * @throws the driver's error
 */
export async function mayLackIndexes(
  query: (text: string) => Promise<readonly { readonly lacking: boolean }[]>,
): Promise<boolean> {
  const [found] = await query(MAY_LACK);
  return found?.lacking !== false;
}

const MAY_LACK = `
  SELECT EXISTS (SELECT FROM pg_index WHERE NOT (indisvalid AND indisready AND indislive))
      OR EXISTS (SELECT FROM (${OF_WHOLE_TABLES}) AS w (index, of_table, definition)
                  WHERE to_regclass(w.index) IS NULL) AS lacking`;

/**
 * Completes the indexes that migrations have declared by `CREATE INDEX … ON ONLY`, and those of
 * {@link OF_WHOLE_TABLES}: builds what each partition lacks by `CREATE INDEX CONCURRENTLY`, during which the table is read
 * and written, and attaches it.
 *
 * What is missing is read from the catalog, so the next process goes on where the one before was interrupted. One process
 * builds at a time; the lock belongs to the connection that builds.
 *
 * @param url `postgres://…`
 * @throws the driver's error
 */
export async function buildIndexes(url: string, options: BuildOptions): Promise<IndexBuild> {
  const client = await openConnection(url, options.connectMs);
  const abort = (): void => void client.end().catch(() => {});
  options.signal?.addEventListener('abort', abort, { once: true });
  try {
    options.signal?.throwIfAborted();
    const before = await lacking(client);
    if (before.length === 0) return { outcome: 'whole', built: [] };
    // Never waited for: a statement that waits is what the build of an index waits for in turn.
    const { rows } = await client.query<{ ours: boolean }>(
      'SELECT pg_try_advisory_lock($1) AS ours',
      [INDEX_LOCK],
    );
    if (rows[0]?.ours !== true) return { outcome: 'elsewhere', built: [] };
    await complete(client, url, options);
    return { outcome: 'whole', built: [...new Set(before.map(({ index }) => index))] };
  } finally {
    options.signal?.removeEventListener('abort', abort);
    await client.end().catch(() => {});
  }
}

async function complete(client: pg.Client, url: string, options: BuildOptions): Promise<void> {
  const pid = await backendOf(client);
  // It takes what it takes, also where the role has limits.
  await client.query('SET statement_timeout = 0');
  let what = '';
  const watch = sayNowAndThen(url, pid, () => what, options);
  try {
    for (;;) {
      const left = await lacking(client);
      if (left.length === 0) return;
      // To look again before each of them would take longer than they do where tables are small.
      for (const [n, one] of left.entries()) {
        const toGo = `${left.length - n} to go`;
        const say = (doing: string) => {
          what = `index ${one.index}: ${doing} on ${one.partition}, ${toGo}`;
        };
        if (!(await bringOn(client, one, say, options.signal))) break;
      }
    }
  } finally {
    clearInterval(watch);
  }
}

/**
 * Does all that an index lacks on one partition. @returns whether it has done so: not if others used the partition all the
 * time. A day that was dropped meanwhile lacks nothing.
 */
async function bringOn(
  client: pg.Client,
  missing: Lacking,
  say: (doing: string) => void,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  for (let state: Lacking['state'] | 'whole' = missing.state; state !== 'whole';) {
    const { text, lockMs, doing, next } = step(missing, state);
    say(doing);
    try {
      await client.query(`SET lock_timeout = ${lockMs}`);
      await client.query(text);
    } catch (error) {
      if (isBusy(error)) {
        await sleep(ATTACH_AGAIN_MS, undefined, { signal });
        return false;
      }
      if (await isThere(client, missing.partition)) throw error;
      return true;
    }
    state = next;
  }
  return true;
}

/** The one statement that brings an index further, and what it is then. Only the last one keeps others waiting. */
function step(
  { index, partition, name, unique, definition }: Lacking,
  state: Lacking['state'],
): Step {
  const id = pg.escapeIdentifier;
  if (state === 'built') {
    const text = `ALTER INDEX ${id(index)} ATTACH PARTITION ${id(name)}`;
    return { text, lockMs: ATTACH_LOCK_MS, doing: 'attaching what is built', next: 'whole' };
  }
  if (state === 'broken') {
    const text = `DROP INDEX CONCURRENTLY ${id(name)}`;
    const doing = 'dropping what an interrupted build has left';
    return { text, lockMs: 0, doing, next: 'absent' };
  }
  const kind = unique ? 'UNIQUE INDEX' : 'INDEX';
  const text = `CREATE ${kind} CONCURRENTLY ${id(name)} ON ${id(partition)}${definition}`;
  // That of a table without partitions is no part of another one.
  return { text, lockMs: 0, doing: 'building', next: name === index ? 'whole' : 'built' };
}

/** What is missing, of each index the default partition last: attaching that one makes the whole index valid. */
async function lacking(client: pg.Client): Promise<Lacking[]> {
  const { rows } = await client.query<Lacking>(LACKING);
  return rows;
}

const LACKING = `
  SELECT * FROM (
  SELECT w.index, w.of_table AS partition, w.index AS name, false AS unique, w.definition,
         CASE WHEN c.indexrelid IS NULL THEN 'absent' ELSE 'broken' END AS state
    FROM (${OF_WHOLE_TABLES}) AS w (index, of_table, definition)
    LEFT JOIN (pg_index c JOIN pg_class cn ON cn.oid = c.indexrelid)
           ON c.indrelid = to_regclass(w.of_table) AND cn.relname = w.index
   WHERE c.indexrelid IS NULL OR NOT (c.indisvalid AND c.indisready AND c.indislive)
  UNION ALL
  SELECT l.index, l.partition, l.name, l.indisunique,
         substr(l.whole, position(' USING ' IN l.whole)) AS definition,
         CASE WHEN c.indexrelid IS NULL THEN 'absent'
              WHEN c.indisvalid AND c.indisready AND c.indislive THEN 'built' ELSE 'broken' END AS state
    FROM (SELECT i.relname AS index, p.relname AS partition, p.oid AS partition_oid, x.indisunique,
                 p.relname || substr(i.relname, length(t.relname) + 1) AS name, pg_get_indexdef(i.oid) AS whole
            FROM tables_by_day d
            JOIN pg_class t ON t.oid = to_regclass(quote_ident(d.name))
            JOIN pg_index x ON x.indrelid = t.oid
            JOIN pg_class i ON i.oid = x.indexrelid
            JOIN pg_inherits h ON h.inhparent = t.oid
            JOIN pg_class p ON p.oid = h.inhrelid
           WHERE NOT EXISTS (SELECT FROM pg_inherits ih JOIN pg_index pi ON pi.indexrelid = ih.inhrelid
                              WHERE ih.inhparent = i.oid AND pi.indrelid = p.oid)) AS l
    LEFT JOIN (pg_index c JOIN pg_class cn ON cn.oid = c.indexrelid)
           ON c.indrelid = l.partition_oid AND cn.relname = l.name) AS lacking
   ORDER BY index, partition LIKE '%\\_default', partition`;

async function isThere(client: pg.Client, table: string): Promise<boolean> {
  const { rowCount } = await client.query('SELECT WHERE to_regclass(quote_ident($1)) IS NOT NULL', [
    table,
  ]);
  return rowCount === 1;
}

/** Looks now and then what is being done, on a connection of its own. Nothing rests on it, so its errors are left alone. */
function sayNowAndThen(
  url: string,
  pid: number,
  what: () => string,
  { connectMs, say, sayEveryMs = SAY_EVERY_MS }: BuildOptions,
): NodeJS.Timeout {
  const look = async (): Promise<void> => {
    const client = await openConnection(url, connectMs);
    try {
      const { rows } = await client.query<{ phase: string; share: number | null }>(PROGRESS, [pid]);
      const [at] = rows;
      const blockers = await blockersOf(client, pid);
      const share = typeof at?.share === 'number' ? `, ${at.share} %` : '';
      const phase = at === undefined ? '' : ` (${at.phase}${share})`;
      say(`${what()}${phase}${blockers === null ? '' : `, waits for ${blockers}`}`);
    } finally {
      await client.end();
    }
  };
  let looking = false;
  return setInterval(() => {
    // One at a time, however long the database takes.
    if (looking) return;
    looking = true;
    void look()
      .catch(() => {})
      .finally(() => (looking = false));
  }, sayEveryMs).unref();
}

const PROGRESS = `
  SELECT phase, (100 * blocks_done / nullif(blocks_total, 0))::int AS share
    FROM pg_stat_progress_create_index WHERE pid = $1`;
