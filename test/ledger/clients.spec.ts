import type { Histogram } from 'prom-client';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Entry } from '../../src/ledger/entry.js';
import { Ledger } from '../../src/ledger/ledger.service.js';
import type { RunningEnv } from '../../src/platform/config/env.js';
import { timeLimits } from '../../src/platform/config/time-limits.js';
import { DISTRIBUTED } from '../setup/citus.js';
import { rows, sharedReplica, withClient } from '../setup/harness.js';
import { persistently } from '../setup/patience.js';
import { createTestZone, type TestZone } from '../setup/zone.js';
import { databaseOf, tableOf } from '../setup/zone-database.js';

/** What an entry says of the zone and the clients that it was evaluated on. */

/** Where the zones are. */
let databaseUrl: string;
let zone: TestZone;
let neighbour: TestZone;
let ledger: Ledger;

const unobserved = { observe: () => {} } as unknown as Histogram;

beforeAll(async () => {
  const replica = await sharedReplica();
  neighbour = await createTestZone(replica);
  databaseUrl = await databaseOf(replica.databaseUrl, neighbour.zoneId);
  const env = { databaseUrl, limits: timeLimits() } as RunningEnv;
  ledger = new Ledger(env, unobserved, unobserved, { inc: () => {} }, { error: () => {} });
});

afterAll(() => ledger?.onApplicationShutdown());

beforeEach(async () => {
  const replica = await sharedReplica();
  do {
    // oxlint-disable-next-line no-await-in-loop
    zone = await createTestZone(replica);
    // oxlint-disable-next-line no-await-in-loop
  } while ((await databaseOf(replica.databaseUrl, zone.zoneId)) !== databaseUrl);
});

const sql = (text: string, values: unknown[]) => rows(databaseUrl, text, values);

interface Versions {
  readonly zone: string;
  readonly settings: string;
  readonly client: string;
}

async function versionsOf({ zoneId, clientId }: TestZone): Promise<Versions> {
  const [found] = await rows<{ zone: string; settings: string; client: string }>(
    databaseUrl,
    `SELECT z.version::text AS zone, z.settings_version::text AS settings, c.version::text AS client
       FROM zones z JOIN clients c ON c.zone_id = z.id WHERE z.id = $1 AND c.id = $2`,
    [zoneId, clientId],
  );
  if (found === undefined) throw new Error('no such client');
  return found;
}

/** The status of an entry that was evaluated on this. Zones are busy now and then. */
async function statusOf(basis: Partial<Entry> | { zone_version: string }): Promise<string> {
  const entry = {
    event_id: uuidv7(),
    zone_id: zone.zoneId,
    facts: [],
    event: { type: 'test', outcome: 'denied' as const, request_id: uuidv7() },
    ...basis,
  };
  if (!('zone_version' in entry)) return (await persistentCommit(entry)).status;
  // As processes of the version before send it.
  for (;;) {
    const [row] = await rows<{ status: string }>(
      databaseUrl,
      'SELECT status FROM ledger_record($1, $2, true)',
      [uuidv7(), JSON.stringify([entry])],
    );
    if (row !== undefined && row.status !== 'busy') return row.status;
  }
}

async function persistentCommit(entry: Entry) {
  for (;;) {
    try {
      return await ledger.commit(entry);
    } catch (error) {
      if (!(error instanceof Error) || !('code' in error)) throw error;
      expect(error.code).toBe('temporarily_unavailable');
    }
  }
}

/** Which versions move with a change. */
async function moved(change: () => Promise<unknown>): Promise<string[]> {
  const before = await versionsOf(zone);
  await change();
  const after = await versionsOf(zone);
  return (['zone', 'settings', 'client'] as const).filter((name) => before[name] !== after[name]);
}

const CHANGES: Record<string, [moves: string[], change: () => Promise<unknown>]> = {
  'a client': [
    ['zone', 'client'],
    () => sql('UPDATE clients SET disabled_at = now() WHERE id = $1', [zone.clientId]),
  ],
  'a secret': [
    ['zone', 'client'],
    () => sql('UPDATE client_secrets SET revoked_at = now() WHERE client_id = $1', [zone.clientId]),
  ],
  'a secret that goes': [
    ['zone', 'client'],
    () => sql('DELETE FROM client_secrets WHERE client_id = $1', [zone.clientId]),
  ],
  'another client': [['zone'], () => zone.newClient()],
  'a resource': [
    ['zone', 'settings'],
    () => sql('UPDATE resources SET scopes = scopes WHERE zone_id = $1', [zone.zoneId]),
  ],
  'the zone': [
    ['zone', 'settings'],
    () => sql('UPDATE zones SET rotation_days = 7 WHERE id = $1', [zone.zoneId]),
  ],
  'a version that is written by hand': [
    ['zone', 'settings', 'client'],
    async () => {
      await sql('UPDATE zones SET version = 1, settings_version = 1 WHERE id = $1', [zone.zoneId]);
      await sql('UPDATE clients SET version = 1 WHERE id = $1', [zone.clientId]);
    },
  ],
  'what says that it is of clients, and is not': [
    ['zone', 'settings'],
    () => sql('UPDATE zones SET version = -1, rotation_days = 8 WHERE id = $1', [zone.zoneId]),
  ],
  'another zone': [
    [],
    () => sql('UPDATE clients SET disabled_at = NULL WHERE zone_id = $1', [neighbour.zoneId]),
  ],
};

test.each(Object.entries(CHANGES))(
  'a change of %s moves its versions',
  async (_name, [moves, change]) => {
    expect(await moved(change)).toEqual(moves);
  },
);

test('a client that takes the place of another under its id has another version', async () => {
  const { client } = await versionsOf(zone);
  const clients = await tableOf((await sharedReplica()).databaseUrl, zone.zoneId, 'clients');
  await withClient(databaseUrl, async (connection) => {
    await connection.query('BEGIN');
    await connection.query(`CREATE TEMP TABLE kept (LIKE ${clients}) ON COMMIT DROP`);
    await connection.query(`INSERT INTO kept SELECT * FROM ${clients} WHERE id = $1`, [
      zone.clientId,
    ]);
    await connection.query(`DELETE FROM ${clients} WHERE id = $1`, [zone.clientId]);
    await connection.query(`INSERT INTO ${clients} SELECT * FROM kept`);
    await connection.query('COMMIT');
  });
  expect((await versionsOf(zone)).client).not.toBe(client);
});

describe('an entry', () => {
  const clients = (version: string | null, id = zone.clientId) => ({ clients: [{ id, version }] });

  test('stands as long as its zone and its clients are as they were', async () => {
    const { settings, client } = await versionsOf(zone);
    const basis = { settings_version: settings, ...clients(client) };
    expect(await statusOf(basis)).toBe('recorded');
    await zone.newClient();
    expect(await statusOf(basis)).toBe('recorded');
    await sql('UPDATE clients SET labels = $2 WHERE id = $1', [zone.clientId, ['a']]);
    expect(await statusOf(basis)).toBe('stale');
    expect(await statusOf({ settings_version: settings })).toBe('recorded');
    await sql('UPDATE resources SET scopes = scopes WHERE zone_id = $1', [zone.zoneId]);
    expect(await statusOf({ settings_version: settings })).toBe('stale');
  });

  test('that is stale spends nothing', async () => {
    const otherwise = { outcome: 'denied', error: 'invalid_client', reason: 'used' } as const;
    const nonce = uuidv7().replaceAll('-', '').repeat(2);
    const day = new Date().toISOString().slice(0, 10);
    const facts = [
      { kind: 'nonce_unspent', purpose: 'gateway_request', nonce, day, otherwise } as const,
    ];
    expect(await statusOf({ ...clients('-7'), facts })).toBe('stale');
    expect(await statusOf({ facts })).toBe('recorded');
    expect(await statusOf({ facts })).toBe('refused');
  });

  test('that rests on a client that is not there stands until there is one in its zone', async () => {
    const { client } = await versionsOf(neighbour);
    expect(await statusOf(clients(null, neighbour.clientId))).toBe('recorded');
    expect(await statusOf(clients(client, neighbour.clientId))).toBe('stale');
    expect(await statusOf(clients(null))).toBe('stale');
    expect(await statusOf(clients(null, uuidv7()))).toBe('recorded');
  });

  test('that rests on labels stands as long as the same of them are of others', async () => {
    const other = await zone.newClient();
    const give = (id: string, labels: string[]) =>
      sql('UPDATE clients SET labels = $2 WHERE id = $1', [id, labels]);
    const asked = (reserved: string[]) =>
      statusOf({ labels: { client_id: zone.clientId, labels: ['a', 'b', 'c'], reserved } });
    expect([await asked([]), await asked(['b'])]).toEqual(['recorded', 'stale']);
    await give(other.clientId, ['b', 'x']);
    expect([await asked([]), await asked(['b'])]).toEqual(['stale', 'recorded']);
    await give(zone.clientId, ['b']);
    expect([await asked([]), await asked(['b'])]).toEqual(['recorded', 'stale']);
    // What clients of other zones are called is nothing to this one.
    await give(neighbour.clientId, ['c']);
    expect(await asked([])).toBe('recorded');
  });

  // Of the versions before there are no processes at a distributed database.
  test.skipIf(DISTRIBUTED)(
    'of the version before is stale with any change of its zone',
    async () => {
      const before = await versionsOf(zone);
      expect(await statusOf({ zone_version: before.zone })).toBe('recorded');
      await sql('UPDATE client_secrets SET revoked_at = now() WHERE client_id = $1', [
        zone.clientId,
      ]);
      expect(await statusOf({ zone_version: before.zone })).toBe('stale');
      expect(await statusOf({ zone_version: (await versionsOf(zone)).zone })).toBe('recorded');
    },
  );
});

test('a statement that changes many clients says so once, and takes few locks', async () => {
  await sql(
    `INSERT INTO clients (zone_id, id, name, auth_methods)
     SELECT $1, gen_random_uuid(), 'one of many ' || n, '{client_secret_post}' FROM generate_series(1, 500) AS n`,
    [zone.zoneId],
  );
  const heard: (string | undefined)[] = [];
  await withClient(databaseUrl, async (listener) => {
    listener.on('notification', ({ payload }) => {
      if (payload?.startsWith(zone.zoneId) === true) heard.push(payload);
    });
    await listener.query('LISTEN mandate_client_changed');
    await withClient(databaseUrl, async (connection) => {
      await connection.query('BEGIN');
      await connection.query('UPDATE clients SET labels = $2 WHERE zone_id = $1', [
        zone.zoneId,
        ['a'],
      ]);
      await connection.query('SET CONSTRAINTS ALL IMMEDIATE');
      // Those that statements ask for: Citus has others of its own.
      const { rows: locks } = await connection.query<{ n: number }>(
        `SELECT count(*)::int AS n FROM pg_locks
          WHERE locktype = 'advisory' AND objsubid IN (1, 2) AND pid = pg_backend_pid()`,
      );
      // Of a hundred clients, of all clients of the zone, and of the zone.
      expect(locks).toEqual([{ n: 102 }]);
      await connection.query('COMMIT');
    });
    await expect.poll(() => heard).toEqual([zone.zoneId]);
    await sql('UPDATE clients SET labels = $2 WHERE id = $1', [zone.clientId, []]);
    await expect.poll(() => heard).toEqual([zone.zoneId, `${zone.zoneId} ${zone.clientId}`]);
  });
  expect((await persistently(() => zone.session())).status).toBe(200);
});
