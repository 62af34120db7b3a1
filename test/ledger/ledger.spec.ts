import type { Histogram } from 'prom-client';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { RunningEnv } from '../../src/platform/config/env.js';
import { timeLimits } from '../../src/platform/config/time-limits.js';
import { NO_ZONE, type Entry } from '../../src/ledger/entry.js';
import { Ledger } from '../../src/ledger/ledger.service.js';
import { verifyChains } from '../setup/chain.js';
import { DISTRIBUTED } from '../setup/citus.js';
import { rows, startReplica, withClient, type Replica } from '../setup/harness.js';
import { maintain } from '../setup/maintain.js';
import { persistently } from '../setup/patience.js';
import { until } from '../setup/process.js';
import { createTestZone, type TestZone } from '../setup/zone.js';
import { databaseOf, tableOf } from '../setup/zone-database.js';

let replica: Replica;
let databaseUrl: string;
let zone: TestZone;
/** Where the tables of the zone are. */
let home: string;
let ledger: Ledger;
let batches: number[];

const observer = (seen: (value: number) => void) => ({ observe: seen }) as unknown as Histogram;

const connections = () =>
  rows<{ pid: number }>(
    home,
    `SELECT pid FROM pg_stat_activity
      WHERE datname = current_database() AND application_name = 'mandate ledger'`,
  );

const figure = async (name: string) => {
  const text = await (await fetch(`${replica.url}/metrics`)).text();
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
};

const countEvents = async () => {
  const [row] = await rows<{ n: number }>(
    databaseUrl,
    'SELECT count(*)::int AS n FROM audit_events',
  );
  return row?.n ?? 0;
};

const partitionsOf = async (parent: string): Promise<string[]> => {
  const found = await rows<{ name: string }>(
    databaseUrl,
    `SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = $1::regclass
      ORDER BY 1`,
    [parent],
  );
  return found.map(({ name }) => name);
};

const day = (daysFromNow: number): string =>
  new Date(Date.now() + daysFromNow * 86_400_000).toISOString().slice(0, 10);

const nameOf = (parent: string, daysFromNow: number): string =>
  `${parent}_${day(daysFromNow).replaceAll('-', '')}`;

const idOf = (daysFromNow: number): string =>
  uuidv7({ msecs: Date.now() + daysFromNow * 86_400_000 });

const uuidAt = (daysFromNow: number): string => {
  const hex = Date.parse(day(daysFromNow)).toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-0000-0000-000000000000`;
};

/** Makes the partition of a day that is long gone, as it was made then. */
const makeOld = (parent: string, daysFromNow: number) =>
  rows(
    databaseUrl,
    `CREATE TABLE ${nameOf(parent, daysFromNow)} PARTITION OF ${parent} FOR VALUES
         FROM ('${uuidAt(daysFromNow)}') TO ('${uuidAt(daysFromNow + 1)}')`,
  );

const addSession = (id: string, expires: string, ended = 'NULL') =>
  rows(
    databaseUrl,
    `INSERT INTO sessions (zone_id, id, root_id, client_id, subject, expires_at, ended_at)
     VALUES ($1, $2, $2, $3, 's', now() + $4::interval, ${ended})`,
    [zone.zoneId, id, zone.clientId, expires],
  );

beforeAll(async () => {
  replica = await startReplica();
  ({ databaseUrl } = replica);
  zone = await createTestZone(replica);
  home = await databaseOf(databaseUrl, zone.zoneId);
  ledger = new Ledger(
    // What is committed here is committed, if late.
    { databaseUrl: home, limits: timeLimits(10_000) } as RunningEnv,
    observer((size) => batches.push(size)),
    observer(() => {}),
    { inc: () => {} },
    { error: () => {} },
  );
});

beforeEach(() => {
  batches = [];
});

afterAll(async () => {
  await ledger?.onApplicationShutdown();
  await replica?.stop();
});

/** An entry that is fine, but for what is given. */
function entry(differences: Partial<Entry> = {}): Entry {
  return {
    event_id: uuidv7(),
    zone_id: NO_ZONE,
    facts: [],
    event: { type: 'test', outcome: 'denied', request_id: uuidv7() },
    ...differences,
  };
}

async function recorded(entries: readonly Entry[]): Promise<boolean[]> {
  const ids = entries.map(({ event_id }) => event_id);
  const found = await rows<{ id: string }>(
    databaseUrl,
    'SELECT id FROM audit_events WHERE id = ANY ($1)',
    [ids],
  );
  const there = new Set(found.map(({ id }) => id));
  return ids.map((id) => there.has(id));
}

describe('concurrent entries', () => {
  test('share round trips, and each gets its own answer', async () => {
    const entries = Array.from({ length: 300 }, (_, i) =>
      entry(
        i % 3 === 0
          ? { zone_id: zone.zoneId, settings_version: '-1' }
          : i % 3 === 1
            ? {
                facts: [
                  {
                    kind: 'session_live',
                    id: uuidv7(),
                    otherwise: { outcome: 'denied', error: 'invalid_grant', reason: `number ${i}` },
                  },
                ],
              }
            : {},
      ),
    );
    const committed = await Promise.all(entries.map((one) => ledger.commit(one)));
    const expected = ['stale', 'refused', 'recorded'];
    expect(committed.map(({ status }) => status)).toEqual(entries.map((_, i) => expected[i % 3]));
    for (const [i, one] of committed.entries()) {
      if (one.status === 'refused') expect(one.fact).toBe(entries[i]?.facts[0]);
      if (one.status === 'recorded') expect(one.receipt.eventId).toBe(entries[i]?.event_id);
    }
    expect(await recorded(entries)).toEqual(entries.map((_, i) => i % 3 !== 0));
    // No batch has more than 128, in either of two lanes.
    expect(batches.reduce((sum, size) => sum + size, 0)).toBe(300);
    expect(batches.length).toBeLessThanOrEqual(4);
  });

  test('do not wait for each other when there is no load', async () => {
    for (let i = 0; i < 5; i += 1) await ledger.commit(entry());
    expect(batches).toEqual([1, 1, 1, 1, 1]);
  });

  test('are not harmed by one that the database cannot take', async () => {
    const bad = [
      entry({ facts: [{ kind: 'nonce_unspent', purpose: 'x', nonce: 'y', day: 'z' } as never] }),
      entry({
        facts: [
          {
            kind: 'nonce_unspent',
            purpose: 'client_assertion',
            nonce: uuidv7(),
            day: 'not-a-day',
            otherwise: { outcome: 'denied', error: 'invalid_client', reason: 'used before' },
          },
        ],
      }),
      entry({ event: { type: 'test', outcome: 'done', request_id: 'x', client_id: 'no uuid' } }),
      entry({ facts: [{ kind: 'session_live', id: 'no uuid' } as never] }),
      entry({ facts: [{ kind: 'no such fact' } as never] }),
    ];
    const good = Array.from({ length: 60 }, () => entry());
    const all = good.flatMap((one, i) =>
      i % 10 === 5 ? [one, ...bad.slice(i / 10, i / 10 + 1)] : [one],
    );
    const settled = await Promise.allSettled(all.map((one) => ledger.commit(one)));
    expect(settled.map(({ status }) => status)).toEqual(
      all.map((one) => (bad.includes(one) ? 'rejected' : 'fulfilled')),
    );
    expect(await recorded(all)).toEqual(all.map((one) => !bad.includes(one)));
    expect((await ledger.commit(entry())).status).toBe('recorded');
  });

  test('are recorded once each if they are sent twice', async () => {
    const one = entry();
    expect((await ledger.commit(one)).status).toBe('recorded');
    await expect(ledger.commit(one)).rejects.toMatchObject({
      code: 'temporarily_unavailable',
      cause: { code: '23505' },
    });
    expect(await recorded([one])).toEqual([true]);
  });

  test('leave one connection of each lane, also after it broke under many at once', async () => {
    expect((await zone.session()).status).toBe(200);
    expect((await ledger.commit(entry())).status).toBe('recorded');
    // Two processes, two lanes each, of which those are connected that something was committed on; on a distributed
    // database the replica has those of each shard, of which two are at a worker.
    const most = DISTRIBUTED ? 6 : 4;
    expect((await connections()).length).toBeLessThanOrEqual(most);
    for (let round = 0; round < 3; round += 1) {
      await rows(
        home,
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
          WHERE datname = current_database() AND application_name = 'mandate ledger'`,
      );
      const probes = Array.from({ length: 10 }, () => ledger.probe(null));
      await Promise.allSettled([...probes, ledger.commit(entry()), zone.session()]);
      await until(async () => (await ledger.commit(entry())).status === 'recorded');
      await until(async () => (await zone.session()).status === 200);
    }
    await until(async () => (await connections()).length <= most);
  });

  test('of a server under load share round trips as its metrics say', async () => {
    const entries = await figure('mandate_ledger_batch_entries_sum');
    const commits = await figure('mandate_ledger_batch_entries_count');
    const asked = Array.from({ length: 200 }, () => persistently(() => zone.session()));
    const answers = await Promise.all(asked);
    expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
    // Those that a busy machine is too slow for are sent, and recorded, again.
    const sent = (await figure('mandate_ledger_batch_entries_sum')) - entries;
    expect(sent).toBeGreaterThanOrEqual(200);
    // How many share one depends on how fast they come; that they do at all, on nothing.
    const trips = (await figure('mandate_ledger_batch_entries_count')) - commits;
    expect(trips).toBeLessThan(sent);
  });
});

test('leaves one audit event for each token request, whatever comes of it', async () => {
  const session = String((await zone.session()).body['access_token']);
  const ask = (parameters: Record<string, string | undefined>) => zone.session(parameters);
  const asked = await Promise.all([
    ask({}),
    ask({ client_secret: 'mds_' + 'x'.repeat(43) }),
    ask({ client_id: uuidv7() }),
    ask({ client_id: 'not a uuid' }),
    ask({ client_secret: undefined }),
    ask({ grant_type: undefined }),
    ask({ grant_type: 'password' }),
    ask({ resource: 'resource://unknown' }),
    ask({ resource: 'no uri' }),
    ask({ resource: undefined }),
    ask({ scope: 'nobody:has-it' }),
    ask({ scope: '"' }),
    ask({ ttl_seconds: '99999' }),
    ask({ session_id: uuidv7() }),
    ask({ zone_id: uuidv7() }),
    zone.exchange({ subject_token: session }),
    zone.exchange({ subject_token: `${session}x` }),
    zone.exchange({ subject_token: session, actor_token: session }),
    zone.exchange({ subject_token: session, resource: zone.otherResource }),
  ]);
  expect(new Set(asked.map(({ body }) => body['error'] ?? 'issued')).size).toBeGreaterThan(6);
  for (const { requestId, status, body } of asked) {
    const events = await zone.audit(requestId);
    expect(events, JSON.stringify(body)).toHaveLength(1);
    expect(events[0]?.outcome).toBe(status === 200 ? 'issued' : 'denied');
    expect(events[0]?.event.error).toBe(body['error']);
    expect(events[0]?.jti === null).toBe(status !== 200);
  }
});

describe('the audit log', () => {
  test.each([
    ['UPDATE audit_events SET outcome = outcome'],
    [`UPDATE audit_events SET event = event || '{"outcome":"done"}'`],
    ['DELETE FROM audit_events'],
    ['TRUNCATE audit_events'],
    ['TRUNCATE audit_events_default'],
    [`TRUNCATE audit_events_${new Date().toISOString().slice(0, 10).replaceAll('-', '')}`],
  ])('refuses %s', async (statement) => {
    const before = await countEvents();
    await expect(rows(databaseUrl, statement)).rejects.toThrow(/^audit_events\w* is immutable$/);
    expect(await countEvents()).toBe(before);
  });

  test('has chains that hold', async () => {
    await zone.session();
    const report = await verifyChains(databaseUrl);
    expect(report.faults).toEqual([]);
    expect(report.events).toBe(await countEvents());
    expect(report.chains).toBeGreaterThan(3);
  });

  // Whoever owns the tables can do what he likes with them, but not without being seen.
  test.each([
    {
      what: 'an event that was changed',
      statement: `UPDATE audit_events SET event = jsonb_set(event, '{outcome}', '"issued"'), outcome = 'issued'
                   WHERE seq = 2 AND writer = $1`,
      fault: 'event 2: has another hash than its content',
    },
    {
      what: 'an event that was changed and hashed again',
      statement: `UPDATE audit_events SET event = event || '{"a":1}',
                         hash = sha256(previous_hash || convert_to((event || '{"a":1}')::text, 'UTF8'))
                   WHERE seq = 2 AND writer = $1`,
      fault: 'event 3: does not name the event before it',
    },
    {
      what: 'an event that was removed',
      statement: 'DELETE FROM audit_events WHERE seq = 2 AND writer = $1',
      fault: 'event 3: follows 1',
    },
    {
      what: 'a last event that was removed',
      statement: `DELETE FROM audit_events WHERE writer = $1
                   AND seq = (SELECT max(seq) FROM audit_events WHERE writer = $1)`,
      fault: 'the head is at',
    },
    {
      what: 'a column that says something else',
      statement: `UPDATE audit_events SET request_id = 'another' WHERE seq = 2 AND writer = $1`,
      fault: 'event 2: says something else of its request id',
    },
  ])('shows $what', async ({ statement, fault }) => {
    const writer = uuidv7();
    const mine = async () => {
      const { faults } = await verifyChains(home);
      return faults.filter((line) => line.includes(writer));
    };
    const events = await tableOf(databaseUrl, zone.zoneId, 'audit_events');
    const chains = await tableOf(databaseUrl, zone.zoneId, 'audit_chains');
    await withClient(home, async (client) => {
      for (let i = 0; i < 4; i += 1) {
        const { event_id: id, event } = entry();
        await client.query('SELECT audit_append($1, $2, $3, $4)', [NO_ZONE, writer, id, event]);
      }
      expect(await mine()).toEqual([]);
      // Triggers are for those who obey.
      await client.query(`SET session_replication_role = 'replica'`);
      await client.query(statement.replaceAll('audit_events', events), [writer]);
    });
    expect((await mine()).join('\n')).toContain(fault);
    await withClient(home, async (client) => {
      await client.query(`SET session_replication_role = 'replica'`);
      await client.query(`DELETE FROM ${events} WHERE writer = $1`, [writer]);
      await client.query(`DELETE FROM ${chains} WHERE writer = $1`, [writer]);
    });
  });
});

describe('partitions', () => {
  test('are there for the coming days, and what happens now goes into that of today', async () => {
    for (const parent of ['sessions', 'revocations', 'audit_events']) {
      const there = await partitionsOf(parent);
      for (let i = 0; i <= 7; i += 1) expect(there).toContain(nameOf(parent, i));
    }
    const { requestId } = await zone.session();
    const [row] = await rows<{ name: string }>(
      databaseUrl,
      'SELECT tableoid::regclass::text AS name FROM audit_events WHERE request_id = $1',
      [requestId],
    );
    // On a distributed database that of a shard.
    const table = DISTRIBUTED ? row?.name.replace(/_\d+$/, '') : row?.name;
    expect(table).toBe(nameOf('audit_events', 0));
  });

  test('that are missing are made, and days in which nothing is alive are dropped', async () => {
    // One after the other, so that no two are locked at once beside the server.
    await rows(databaseUrl, `DROP TABLE ${nameOf('sessions', 7)}`);
    await rows(databaseUrl, `DROP TABLE ${nameOf('audit_events', 6)}`);
    for (const parent of ['sessions', 'revocations', 'audit_events']) {
      for (const daysAgo of [40, 10, 3, 2, 1]) await makeOld(parent, -daysAgo);
    }
    const gone = idOf(-10);
    await addSession(gone, '-9 days');
    await addSession(idOf(-3), '-2 days');
    await rows(databaseUrl, 'INSERT INTO revocations (zone_id, jti) VALUES ($1, $2)', [
      zone.zoneId,
      idOf(-10),
    ]);
    const old = entry({ event_id: idOf(-10) });
    await ledger.commit(old);
    await maintain(databaseUrl);
    for (const parent of ['sessions', 'revocations']) {
      const there = await partitionsOf(parent);
      for (const daysAgo of [40, 10, 3]) expect(there).not.toContain(nameOf(parent, -daysAgo));
      for (const daysAgo of [2, 1]) expect(there).toContain(nameOf(parent, -daysAgo));
    }
    expect(await partitionsOf('sessions')).toContain(nameOf('sessions', 7));
    // The audit log is kept, whole.
    expect(await partitionsOf('audit_events')).toEqual(
      expect.arrayContaining([
        nameOf('audit_events', 6),
        nameOf('audit_events', -10),
        nameOf('audit_events', -40),
      ]),
    );
    expect(await recorded([old])).toEqual([true]);
    expect(await rows(databaseUrl, 'SELECT 1 FROM sessions WHERE id = $1', [gone])).toEqual([]);
    expect((await verifyChains(databaseUrl)).faults).toEqual([]);
    expect((await zone.exchange()).status).toBe(200);
  });

  test('are kept while a session in them is alive', async () => {
    await makeOld('sessions', -20);
    await makeOld('sessions', -21);
    await addSession(idOf(-20), '1 hour');
    await addSession(idOf(-21), '1 hour', 'now()');
    await maintain(databaseUrl);
    expect(await partitionsOf('sessions')).toContain(nameOf('sessions', -20));
    expect(await partitionsOf('sessions')).not.toContain(nameOf('sessions', -21));
  });

  test('are looked after when a server starts, and a table that is busy is not waited for', async () => {
    await rows(databaseUrl, `DROP TABLE ${nameOf('sessions', 7)}`);
    const second = await startReplica({ databaseUrl });
    await until(async () => (await partitionsOf('sessions')).includes(nameOf('sessions', 7)));
    await second.stop();

    await rows(databaseUrl, `DROP TABLE ${nameOf('sessions', 7)}`);
    const hours = `SELECT 1 FROM pg_class WHERE relname ~ '^issued_mandates_h[0-9]+$'`;
    await rows(
      databaseUrl,
      `DROP TABLE issued_mandates_h${Math.floor(Date.now() / 3_600_000) + 11}`,
    );
    const { length: left } = await rows(databaseUrl, hours);
    await withClient(databaseUrl, async (client) => {
      await client.query('BEGIN; SELECT count(*) FROM sessions');
      const third = await startReplica({ databaseUrl });
      await until(async () =>
        third.logs().some((line) => line.includes('part of the ledger was not maintained')),
      );
      // What is not in use is looked after all the same.
      await until(async () => (await rows(databaseUrl, hours)).length > left);
      expect((await zone.session()).status).toBe(200);
      expect((await fetch(`${third.url}/ready`)).status).toBe(200);
      expect(await third.stop()).toBe(0);
      await client.query('COMMIT');
    });
  });
});
