import fc from 'fast-check';
import pg from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CheckpointJob } from '../../src/evidence/checkpoint-job.service.js';
import { isDue, readBehind, readLag } from '../../src/evidence/lag.js';
import { beginLogs } from '../../src/evidence/log-rows.js';
import { makeCheckpoint, makeCheckpoints } from '../../src/evidence/make-checkpoint.js';
import { INSTALLATION_LOG } from '../../src/audit/installation-log.js';
import type { InTransaction, Queries } from '../../src/evidence/queries.js';
import { sealRound } from '../../src/evidence/seal-round.js';
import { leaveTurn, takeTurn } from '../../src/evidence/turn.js';
import { DayUnsealed, dropDay, maintaining } from '../../src/ledger/maintenance-connection.js';
import { timeLimits } from '../../src/platform/config/time-limits.js';
import { parseCheckpoint } from '../../src/transparency-log/checkpoint.js';
import { leafHash, rootOf } from '../../src/transparency-log/merkle-tree.js';
import { noteSigner } from '../../src/transparency-log/note-key.js';
import { openNote } from '../../src/transparency-log/signed-note.js';
import { createDatabase, rows } from '../setup/harness.js';
import { until } from '../setup/process.js';
import { databaseOf } from '../setup/zone-database.js';

const ORIGIN = 'sts.example/audit';
const signer = noteSigner(ORIGIN, Buffer.alloc(32, 3));
const SIGNER = { id: uuidv7(), signer };
/** Small, so that few events are many. */
const LIMITS = { ofZone: 8, ofRead: 20, ofPage: 3 };

let databaseUrl: string;
/** Where the zones are: the database itself, or one shard where it is distributed. */
let home: string;
let pool: pg.Pool;
/** At the shard. */
let homePool: pg.Pool;

beforeAll(async () => {
  databaseUrl = await createDatabase();
  home = await databaseOf(databaseUrl, uuidv7());
  [pool, homePool] = [databaseUrl, home].map((connectionString) => {
    const made = new pg.Pool({ connectionString, max: 6 });
    made.on('error', () => {});
    return made;
  }) as [pg.Pool, pg.Pool];
  await beginLogs(db, [{ logId: INSTALLATION_LOG, origin: ORIGIN }]);
});

afterAll(() => Promise.all([pool.end(), homePool.end()]));

/** The id of a zone that is there with the others. */
async function newZone(): Promise<string> {
  for (;;) {
    const id = uuidv7();
    // oxlint-disable-next-line no-await-in-loop
    if ((await databaseOf(databaseUrl, id)) === home) return id;
  }
}

const queriesOf = (client: pg.Pool | pg.PoolClient): Queries => ({
  query: async <T>(sql: string, values: unknown[] = []) =>
    (await client.query(sql, values)).rows as T,
});
const db: Queries = {
  query: (sql, values) => queriesOf(pool).query(sql, values),
};
/** What is asked about zones. */
const zones: Queries = {
  query: (sql, values) => queriesOf(homePool).query(sql, values),
};

/** Transactions as they are, and where each can be disturbed before it is committed. */
const transactions =
  (
    disturb: (client: pg.PoolClient) => Promise<void> = async () => {},
    at = () => homePool,
  ): InTransaction =>
  async (run) => {
    const client = await at().connect();
    let error: Error | undefined;
    if (client.listenerCount('error') === 0) client.on('error', () => {});
    try {
      await client.query('BEGIN');
      const result = await run(queriesOf(client));
      await disturb(client);
      await client.query('COMMIT');
      return result;
    } catch (caught) {
      error = caught as Error;
      await client.query('ROLLBACK').catch(() => {});
      throw caught;
    } finally {
      client.release(error);
    }
  };
const inTransaction = transactions();
/** Of all servers. */
const inOneOfAll = transactions(undefined, () => pool);

const sealOnce = (how = inTransaction) => sealRound(zones, how, ORIGIN, LIMITS, () => false);
async function seal(): Promise<number> {
  for (let sealed = 0; ;) {
    // oxlint-disable-next-line no-await-in-loop
    const round = await sealOnce();
    sealed += round.sealed;
    if (!round.isMore) return sealed;
  }
}
const checkpoint = () => inOneOfAll((tx) => makeCheckpoint(tx, SIGNER));

/** Appends events to a chain. */
async function append(zone: string, writer: string, many: number) {
  await homePool.query(
    `SELECT audit_append($1, $2, new_uuid_v7(),
              jsonb_build_object('type', 'test', 'outcome', 'done', 'request_id', new_uuid_v7()))
       FROM generate_series(1, $3::integer)`,
    [zone, writer, many],
  );
}

interface Leaf {
  readonly writer: string;
  readonly seq: number;
  readonly hash: Buffer;
}

/** The events that the leaves of a zone are, in their order. */
const leavesOf = (zone: string) =>
  rows<Leaf>(
    home,
    `SELECT r.writer, s.seq::integer AS seq, a.hash FROM evidence_runs r
      CROSS JOIN LATERAL generate_series(r.first_seq, r.last_seq) AS s (seq)
       LEFT JOIN audit_events a ON a.zone_id = r.zone_id AND a.writer = r.writer AND a.seq = s.seq
      WHERE r.zone_id = $1 ORDER BY r.first_leaf + s.seq - r.first_seq`,
    [zone],
  );

const recordedOf = (zone: string) =>
  rows<{ writer: string; seq: number }>(
    home,
    `SELECT writer, seq::integer AS seq FROM audit_events WHERE zone_id = $1 ORDER BY 1, 2`,
    [zone],
  );

/** Each event of the zone is a leaf, once, in the order of its chain, and the root is that of all of them. */
async function expectWhole(zone: string) {
  const leaves = await leavesOf(zone);
  const named = leaves.map(({ writer, seq }) => ({ writer, seq }));
  const sorted = named.toSorted((a, b) => a.writer.localeCompare(b.writer) || a.seq - b.seq);
  expect(sorted).toEqual(await recordedOf(zone));
  for (const writer of new Set(named.map((leaf) => leaf.writer))) {
    const seqs = named.filter((leaf) => leaf.writer === writer).map(({ seq }) => seq);
    expect(seqs).toEqual(seqs.toSorted((a, b) => a - b));
  }
  const [log] = await rows<{ size: number; root: Buffer }>(
    home,
    'SELECT size::integer AS size, root FROM evidence_logs WHERE zone_id = $1',
    [zone],
  );
  expect(log?.size ?? 0).toBe(leaves.length);
  if (log !== undefined) {
    expect(log.root.equals(rootOf(leaves.map(({ hash }) => leafHash(hash))))).toBe(true);
  }
}

describe('the log of a zone', () => {
  test('has each event once, whatever is recorded between rounds', async () => {
    const writers = [uuidv7(), uuidv7(), uuidv7()];
    const step = fc.tuple(fc.nat(2), fc.nat(2), fc.integer({ min: 1, max: 30 }));
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(step, { maxLength: 4 }), { minLength: 1, maxLength: 4 }),
        async (rounds) => {
          const made = [await newZone(), await newZone(), await newZone()];
          for (const steps of rounds) {
            for (const [zone, writer, many] of steps) {
              // oxlint-disable-next-line no-await-in-loop
              await append(made[zone] ?? '', writers[writer] ?? '', many);
            }
            // oxlint-disable-next-line no-await-in-loop
            await sealOnce();
          }
          await seal();
          for (const zone of made) {
            // oxlint-disable-next-line no-await-in-loop
            await expectWhole(zone);
          }
        },
      ),
      { numRuns: 12 },
    );
  });

  test('has each event once when two fill it at once, while it grows', async () => {
    const [zone, one, other] = [await newZone(), uuidv7(), uuidv7()];
    const grow = async (writer: string) => {
      for (let n = 0; n < 20; n += 1) {
        // oxlint-disable-next-line no-await-in-loop
        await append(zone, writer, 5);
      }
    };
    const sealing = async () => {
      for (let n = 0; n < 20; n += 1) {
        // oxlint-disable-next-line no-await-in-loop
        await sealOnce();
      }
    };
    await Promise.all([grow(one), grow(other), sealing(), sealing()]);
    await seal();
    await expectWhole(zone);
  });

  test('loses nothing when who fills it is killed before it commits', async () => {
    const [zone, writer] = [await newZone(), uuidv7()];
    await append(zone, writer, 40);
    let kills = 0;
    const killing = transactions(async (client) => {
      kills += 1;
      if (kills % 2 === 0) return;
      const { rows: mine } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
      await homePool.query('SELECT pg_terminate_backend($1::int)', [mine[0]?.pid]);
    });
    let failed = 0;
    for (let n = 0; n < 8; n += 1) {
      // oxlint-disable-next-line no-await-in-loop
      await sealOnce(killing).catch(() => (failed += 1));
    }
    expect(failed).toBeGreaterThan(0);
    await seal();
    await expectWhole(zone);
  });

  test('is gone round while somebody has it', async () => {
    const [locked, free, writer] = [await newZone(), await newZone(), uuidv7()];
    await append(locked, writer, 3);
    await seal();
    await append(locked, writer, 3);
    await append(free, writer, 3);
    const client = await homePool.connect();
    try {
      await client.query('BEGIN');
      await client.query('SELECT FROM evidence_logs WHERE zone_id = $1 FOR UPDATE', [locked]);
      expect(await sealOnce()).toEqual({ sealed: 3, isMore: true, broken: [] });
      await expectWhole(free);
      await client.query('ROLLBACK');
    } finally {
      client.release();
    }
    expect(await seal()).toBe(3);
    await expectWhole(locked);
  });

  test.each([
    ['is missing', 'DELETE FROM evidence_tiles WHERE zone_id = $1'],
    ['is another', `UPDATE evidence_tiles SET hashes = sha256('x') || hashes WHERE zone_id = $1`],
  ])('whose edge %s is left as it is, and holds up no other', async (_, sql) => {
    const writer = uuidv7();
    const [broken = '', free = ''] = [await newZone(), await newZone()].toSorted();
    await append(broken, writer, 3);
    await seal();
    await homePool.query(sql, [broken]);
    await append(broken, writer, 3);
    await append(free, writer, 3);
    expect(await sealOnce()).toEqual({ sealed: 3, isMore: false, broken: [broken] });
    await expectWhole(free);
    expect(await leavesOf(broken)).toHaveLength(3);
    // Others of this file look at all zones.
    await transactions()(async (tx) => {
      await tx.query('SET LOCAL session_replication_role = replica');
      await tx.query('DELETE FROM audit_chains WHERE zone_id = $1', [broken]);
    });
  });

  test('begins with the first event that is still there', async () => {
    const [zone, writer] = [await newZone(), uuidv7()];
    await append(zone, writer, 10);
    // As if their day had been dropped.
    await transactions()(async (tx) => {
      await tx.query('SET LOCAL session_replication_role = replica');
      await tx.query('DELETE FROM audit_events WHERE zone_id = $1 AND seq <= 4', [zone]);
    });
    const gone = uuidv7();
    await homePool.query(
      `INSERT INTO audit_chains (zone_id, writer, seq, hash) VALUES ($1, $2, 7, sha256('x'))`,
      [zone, gone],
    );
    await seal();
    await expectWhole(zone);
    expect((await leavesOf(zone)).map(({ seq }) => seq)).toEqual([5, 6, 7, 8, 9, 10]);
    await append(zone, gone, 2);
    await seal();
    expect((await leavesOf(zone)).map(({ seq }) => seq)).toEqual([5, 6, 7, 8, 9, 10, 8, 9]);
  });

  test('goes on where there was no time for more', async () => {
    const made = [await newZone(), await newZone(), await newZone(), await newZone()];
    await seal();
    for (const zone of made) {
      // oxlint-disable-next-line no-await-in-loop
      await append(zone, uuidv7(), 10);
    }
    const limits = { ofZone: 10, ofRead: 10 };
    const one = async (from?: Parameters<typeof sealRound>[5]) => {
      let looks = 0;
      return sealRound(zones, inTransaction, ORIGIN, limits, () => (looks += 1) > 1, from);
    };
    const first = await one();
    const second = await one(first.stoppedAt);
    expect([first, second]).toMatchObject([{ sealed: 10 }, { sealed: 10 }]);
    expect([first.stoppedAt?.zoneId, second.stoppedAt?.zoneId]).toEqual(made.slice(0, 2));
    expect((await seal()) + 20).toBe(40);
  });

  test('has a chain once more that begins once more', async () => {
    const [zone, writer] = [await newZone(), uuidv7()];
    await append(zone, writer, 5);
    await seal();
    // As if its days had been dropped for so long that its head has gone, too.
    await transactions()(async (tx) => {
      await tx.query('SET LOCAL session_replication_role = replica');
      await tx.query('DELETE FROM audit_events WHERE zone_id = $1', [zone]);
      await tx.query('DELETE FROM audit_chains WHERE zone_id = $1', [zone]);
    });
    await pool.query('SELECT ledger_maintain()');
    await append(zone, writer, 3);
    expect(await seal()).toBe(3);
    const [log] = await rows(
      home,
      'SELECT size::integer AS size FROM evidence_logs WHERE zone_id = $1',
      [zone],
    );
    expect(log).toEqual({ size: 8 });
  });
});

describe('a checkpoint', () => {
  test('has what each zone is that has grown, and is signed once', async () => {
    const [zone, other, writer] = [await newZone(), await newZone(), uuidv7()];
    await append(zone, writer, 3);
    await append(other, writer, 4);
    await seal();
    await checkpoint();
    await append(zone, writer, 2);
    await seal();
    const made = await checkpoint();
    expect(made?.zones).toBe(1);
    expect(await checkpoint()).toBeNull();

    const bodies = await rows<{ body: string; root: Buffer; zone_id: string; size: number }>(
      databaseUrl,
      'SELECT body, root, zone_id, size::integer AS size FROM zone_checkpoints ORDER BY leaf',
    );
    const notes = await rows<{ note: string; size: number }>(
      databaseUrl,
      'SELECT note, size::integer AS size FROM checkpoints ORDER BY size',
    );
    expect(bodies.filter(({ zone_id: id }) => id === zone).map(({ size }) => size)).toEqual([3, 5]);
    expect(bodies.filter(({ zone_id: id }) => id === other).map(({ size }) => size)).toEqual([4]);
    for (const { body, root, zone_id: id, size } of bodies) {
      expect(parseCheckpoint(body)).toEqual({
        origin: `${ORIGIN}/zones/${id}`,
        size,
        root,
        extensions: [expect.stringMatching(/^time 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/)],
      });
    }
    for (const { note, size } of notes) {
      const opened = openNote(note, [signer.key]);
      const leaves = bodies.slice(0, size).map(({ body }) => leafHash(Buffer.from(body)));
      expect(opened.isValid && parseCheckpoint(opened.text)).toEqual({
        origin: ORIGIN,
        size,
        root: rootOf(leaves),
        extensions: [],
      });
    }
    expect(notes.at(-1)?.size).toBe(bodies.length);
  });

  test('leaves no zone for the next time, however many have grown', async () => {
    await seal();
    await checkpoint();
    for (let n = 0; n < 5; n += 1) {
      // oxlint-disable-next-line no-await-in-loop
      await append(await newZone(), uuidv7(), 1);
    }
    await seal();
    expect(await makeCheckpoints(inOneOfAll, SIGNER, 2)).toMatchObject({ zones: 1 });
    expect(await checkpoint()).toBeNull();
  });

  test('is made by one of two at once', async () => {
    await append(await newZone(), uuidv7(), 1);
    await seal();
    const both = await Promise.all([checkpoint(), checkpoint()]);
    expect(both.filter((made) => made !== null)).toHaveLength(1);
  });
});

test('a day is dropped when its events are in a signed checkpoint, and their leaves stay', async () => {
  const [zone, writer] = [await newZone(), uuidv7()];
  const day = new Date(Date.now() - 40 * 86_400_000).toISOString().slice(0, 10);
  const drop = () =>
    maintaining(
      {
        databaseUrl,
        limits: timeLimits(),
        retention: { auditDays: 30, endedDays: 2, deliveryDays: 30 },
      },
      (client) => dropDay(client, day),
    );
  await append(await newZone(), writer, 1);
  await seal();
  await checkpoint();
  const ids = Array.from({ length: 3 }, () => uuidv7({ msecs: Date.parse(`${day}T12:00:00Z`) }));
  await homePool.query(
    `SELECT audit_append($1, $2, e.id, jsonb_build_object('type', 'test', 'outcome', 'done', 'request_id', e.id))
       FROM unnest($3::uuid[]) AS e (id)`,
    [zone, writer, ids],
  );
  await pool.query(`SELECT ledger_clear_default_partition('audit_events')`);
  await expect(drop()).rejects.toThrow(DayUnsealed);
  await seal();
  await expect(drop()).rejects.toThrow(DayUnsealed);
  await checkpoint();
  const leaves = await leavesOf(zone);
  expect(await drop()).toBe(1);
  expect(await recordedOf(zone)).toEqual([]);
  const [log] = await rows<{ size: number; root: Buffer }>(
    home,
    'SELECT size::integer AS size, root FROM evidence_logs WHERE zone_id = $1',
    [zone],
  );
  expect(log?.root.equals(rootOf(leaves.map(({ hash }) => leafHash(hash))))).toBe(true);
});

test('the lag is that of the oldest event that is in no checkpoint', async () => {
  await seal();
  await checkpoint();
  expect(await readLag(zones)).toBe(0);
  const [zone, writer] = [await newZone(), uuidv7()];
  await append(zone, writer, 1);
  await append(zone, writer, 2);
  expect(await readBehind(zones)).toMatchObject({ events: 3, hasGrown: false });
  const unsealed = await readLag(zones);
  expect(unsealed).toBeGreaterThan(0);
  await seal();
  expect(await readLag(zones)).toBeGreaterThanOrEqual(unsealed);
  expect(await readBehind(zones)).toMatchObject({ events: 0, hasGrown: true });
  await checkpoint();
  expect(await readLag(zones)).toBe(0);
  await append(zone, writer, 1);
  await seal();
  // What one run has with what was in a checkpoint before counts from its own beginning.
  expect(await readLag(zones)).toBeLessThan(unsealed + 60);
  await checkpoint();
  expect(await readLag(zones)).toBe(0);
});

test('of many chains each statement looks at some, and none is left out', async () => {
  await seal();
  await checkpoint();
  const behind = [];
  for (let n = 0; n < 5; n += 1) {
    // oxlint-disable-next-line no-await-in-loop
    const zone = await newZone();
    // oxlint-disable-next-line no-await-in-loop
    await append(zone, uuidv7(), n + 1);
    behind.push(zone);
  }
  const [{ many } = { many: 0 }] = await rows<{ many: number }>(
    home,
    'SELECT count(*)::integer AS many FROM audit_chains',
  );
  const pages: string[] = [];
  const watched: Queries = {
    query: (sql, values = []) => {
      // The bounds of a page.
      if (values.length === 4) pages.push(values.join());
      return zones.query(sql, values);
    },
  };
  expect(await readBehind(watched, 2)).toMatchObject({ events: 5 });
  expect(pages).toHaveLength(Math.floor(many / 2) + 1);
  expect(new Set(pages).size).toBe(pages.length);
  expect(await readLag(watched, 2)).toBeGreaterThan(0);
  expect(pages).toHaveLength(2 * (Math.floor(many / 2) + 1));
  expect(await seal()).toBe(1 + 2 + 3 + 4 + 5);
  for (const zone of behind) {
    // oxlint-disable-next-line no-await-in-loop
    await expectWhole(zone);
  }
  expect(await readBehind(zones, 2)).toMatchObject({ events: 0, hasGrown: true });
  await checkpoint();
});

test('a checkpoint is due where something happened, after its time, and sooner where much has', () => {
  const most = { seconds: 60, events: 4_096 };
  const due = (since: number | null, events: number, hasGrown = false) =>
    isDue({ since, events, hasGrown }, most);
  expect([due(null, 1), due(60, 1), due(60, 0, true), due(1, 4_096)]).not.toContain(false);
  expect([due(null, 0), due(600, 0), due(59, 4_095, true), due(0.5, 4_096)]).not.toContain(true);
});

test('a clock that was ahead delays no checkpoint, and those that follow are not older', async () => {
  const [zone, writer] = [await newZone(), uuidv7()];
  await append(zone, writer, 1);
  await seal();
  await checkpoint();
  // By itself, as Citus adds no interval to what lies on many servers.
  const ahead = new Date(Math.ceil(Date.now() / 1_000) * 1_000 + 3_600_000);
  await rows(
    databaseUrl,
    'UPDATE checkpoints SET at = $1 WHERE size = (SELECT max(size) FROM checkpoints)',
    [ahead],
  );
  await append(zone, writer, 1);
  expect((await readBehind(zones)).since).toBeNull();
  await seal();
  await checkpoint();
  const [next] = await rows<{ at: Date; size: number }>(
    databaseUrl,
    'SELECT at, size::integer AS size FROM zone_checkpoints WHERE zone_id = $1 ORDER BY size DESC LIMIT 1',
    [zone],
  );
  expect(next).toEqual({ at: ahead, size: 2 });
  await pool.query('UPDATE checkpoints SET at = now() WHERE at > now()');
});

test('one of several has the turn, until it is over', async () => {
  const [one, other] = [uuidv7(), uuidv7()];
  expect(await takeTurn(db, one, 60_000)).toBe(true);
  expect(await takeTurn(db, other, 60_000)).toBe(false);
  expect(await takeTurn(db, one, -1)).toBe(true);
  expect(await takeTurn(db, other, 60_000)).toBe(true);
  await leaveTurn(db, one);
  expect(await takeTurn(db, one, 60_000)).toBe(false);
  await leaveTurn(db, other);
  expect(await takeTurn(db, one, 60_000)).toBe(true);
  await leaveTurn(db, one);
});

test('while no checkpoint can be made it is said how far behind they are, and others have their turn', async () => {
  await append(await newZone(), uuidv7(), 1);
  const told: number[] = [];
  const silent = { warn: () => {}, debug: () => {} };
  let begin = () => {};
  const turnOrZones: Queries = {
    query: (sql, values) => (sql.includes('evidence_turns') ? db : zones).query(sql, values),
  };
  const job = Reflect.construct(CheckpointJob, [
    turnOrZones,
    { begin: () => Promise.reject(new Error('out of reach')) },
    { forksNow: () => Promise.resolve([]) },
    { checkpointSeconds: 0 },
    silent,
    { set: (seconds: number) => told.push(seconds) },
    { set: () => {} },
    { inc: () => {} },
    {
      addJob: (start: () => void) => {
        begin = start;
      },
    },
  ]) as CheckpointJob;
  begin();
  const [seconds] = await until(() => Promise.resolve(told.length > 0 && told));
  await job.beforeApplicationShutdown();
  expect(seconds).toBeGreaterThan(0);
  expect(await takeTurn(db, uuidv7(), -1)).toBe(true);
});
