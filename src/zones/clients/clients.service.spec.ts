import { randomUUID } from 'node:crypto';
import { Counter, Registry } from 'prom-client';
import { beforeEach, describe, expect, test } from 'vitest';
import { shardNow } from '../../platform/database/shard-scope.js';
import type { ZoneShardMap } from '../../platform/database/zone-shards.js';
import { Clients } from './clients.service.js';
import { SeenClients } from './seen-clients.js';

const ZONE = randomUUID();
const OTHER = randomUUID();

interface Stored {
  readonly zoneId: string;
  readonly version: string;
  readonly labels?: string[];
}

/** What the database has, by client id. */
let stored: Map<string, Stored[]>;
/** The ids that each statement has asked for. */
let statements: string[][];
/** Awaited by each statement after it has read. */
let pause: Promise<unknown>;
let away: boolean;
let clients: Clients;

const counter = new Counter({
  name: 'loads',
  help: '-',
  labelNames: ['result'],
  registers: [new Registry()],
});

function rowOf(id: string, { zoneId, version, labels = [] }: Stored) {
  return {
    zoneId,
    id,
    version,
    labels,
    groups: [],
    authMethods: ['client_secret_post'],
    jwks: null,
    jwksUri: null,
    workloadIssuer: null,
    workloadSubject: null,
    registrationMethod: 'manual',
    disabled: false,
    secrets: [],
    settings: { defaultResources: [] },
  };
}

const database = {
  async query(_text: string, [ids]: [string[]]) {
    statements.push(ids);
    if (away) throw new Error('away');
    const read = ids.flatMap((id) => (stored.get(id) ?? []).map((one) => rowOf(id, one)));
    await pause;
    return read;
  },
};

function newClients(
  snapshotBytes: number,
  on: object = database,
  zoneShards: ZoneShardMap | null = null,
): Clients {
  const reads = { read: <T>(_zoneId: string, read: () => Promise<T>) => read() };
  const feed = { subscribe: () => {} };
  return new Clients(
    on as never,
    reads as never,
    feed as never,
    { snapshotBytes, workers: 1, zoneShards },
    counter,
  );
}

beforeEach(() => {
  stored = new Map();
  statements = [];
  pause = Promise.resolve();
  away = false;
  clients = newClients(64 * 1_024 * 1_024);
});

function store(version = '1', labels: string[] = []): string {
  const id = randomUUID();
  stored.set(id, [{ zoneId: ZONE, version, labels }]);
  return id;
}

const change = (id: string, version: string) => stored.set(id, [{ zoneId: ZONE, version }]);

test('a client is read once, and again when it has changed', async () => {
  const [id, other] = [store(), store()];
  expect(await clients.find(id)).toMatchObject({ id, zoneId: ZONE, version: '1' });
  await clients.find(other);
  await clients.find(id);
  expect(statements).toEqual([[id], [other]]);
  change(id, '2');
  clients.onChange(`${ZONE} ${id}`);
  expect(await clients.find(id)).toMatchObject({ version: '2' });
  await clients.find(other);
  expect(statements).toEqual([[id], [other], [id]]);
});

test('a change of which no news has come is found when the commit has found the version old', async () => {
  const id = store();
  await clients.find(id);
  change(id, '2');
  expect(await clients.find(id)).toMatchObject({ version: '1' });
  clients.forget(id, '1');
  expect(await clients.find(id)).toMatchObject({ version: '2' });
  // Others find the same old version a little later.
  clients.forget(id, '1');
  await clients.find(id);
  expect(statements).toEqual([[id], [id]]);
});

test('one that changes while it is read is not remembered as it was', async () => {
  const id = store();
  let go = (): void => {};
  pause = new Promise<void>((resolve) => (go = resolve));
  const reading = clients.find(id);
  await expect.poll(() => statements).toEqual([[id]]);
  change(id, '2');
  clients.onChange(`${ZONE} ${id}`);
  go();
  expect(await reading).toMatchObject({ version: '1' });
  expect(await clients.find(id)).toMatchObject({ version: '2' });
});

test('many that are asked for at once are read by few statements', async () => {
  const ids = Array.from({ length: 500 }, () => store());
  const found = await Promise.all(ids.map((id) => clients.find(id)));
  expect(found.map((client) => client?.id)).toEqual(ids);
  expect(statements.map((asked) => asked.length)).toEqual([200, 200, 100]);
});

test('what strangers invent fills no memory, and pushes out no client', async () => {
  const id = store();
  await clients.find(id);
  const { bytes } = clients;
  for (let n = 0; n < 120; n += 1) {
    const invented = Array.from({ length: 200 }, () => clients.find(randomUUID()));
    expect(new Set(await Promise.all(invented))).toEqual(new Set([null]));
  }
  expect(clients.bytes).toBe(bytes);
  const before = statements.length;
  await clients.find(id);
  expect(statements).toHaveLength(before);
});

test('an id that no client has is remembered until one has it', async () => {
  const id = randomUUID();
  expect(await clients.find(id)).toBeNull();
  expect(await clients.find(id)).toBeNull();
  expect(statements).toHaveLength(1);
  change(id, '1');
  // Asked anew, whatever is remembered.
  expect(await clients.exists(id)).toBe(true);
  expect(await clients.find(id)).toMatchObject({ id });
});

test('memory has a bound: the client goes that was asked for longest ago', async () => {
  clients = newClients(40_000);
  const ids = Array.from({ length: 20 }, () => store());
  for (const id of ids) await clients.find(id);
  expect(clients.bytes).toBeLessThanOrEqual(10_000);
  statements = [];
  await clients.find(ids.at(-1) ?? '');
  expect(statements).toEqual([]);
  await clients.find(ids[0] ?? '');
  expect(statements).toEqual([[ids[0]]]);
});

test('news of a whole zone, or of everything, is of all its clients', async () => {
  const id = store();
  const other = randomUUID();
  stored.set(other, [{ zoneId: OTHER, version: '1' }]);
  const both = () => Promise.all([clients.find(id), clients.find(other)]);
  await both();
  statements = [];
  clients.onChange(ZONE);
  await both();
  expect(statements).toEqual([[id]]);
  clients.onChange('*');
  await both();
  clients.onReset();
  await both();
  expect(statements.flat()).toEqual([id, id, other, id, other]);
});

describe('on a distributed database', () => {
  const place = { host: '127.0.0.1', port: 1 };
  const databaseUrl = 'postgres://127.0.0.1:1/';
  const shards = [
    { ...place, id: 1, from: -2_147_483_648, to: -1 },
    { ...place, id: 2, from: 0, to: 2_147_483_647 },
  ];
  const zoneShards = { databaseUrl, coordinatorUrl: databaseUrl, shards };
  /** Zones of the first shard and of the second. */
  const [first, second] = [
    '342682ea-adfd-4102-ab0a-755f310cd6ba',
    '7a3440f3-2232-40b2-adb0-bdee7f0c2171',
  ];
  /** What the first shard waits for before it answers. */
  let silence: Promise<void>;
  let goOn: () => void;

  beforeEach(() => {
    silence = Promise.resolve();
    goOn = () => {};
    const query = async (_text: string, [ids]: [string[]]) => {
      const here = shardNow()?.id;
      if (here === 1) await silence;
      const there = (zoneId: string) => (zoneId === first ? 1 : 2) === here;
      const found = (id: string) => (stored.get(id) ?? []).filter((one) => there(one.zoneId));
      return ids.flatMap((id) => found(id).map((one) => rowOf(id, one)));
    };
    clients = newClients(64 * 1_024 * 1_024, { query }, zoneShards);
  });

  const silenced = () => new Promise<void>((resolve) => (goOn = resolve));

  test('a client is found while another node says nothing', async () => {
    const id = randomUUID();
    stored.set(id, [{ zoneId: second, version: '1' }]);
    silence = silenced();
    expect(await clients.find(id)).toMatchObject({ zoneId: second });
    expect(await clients.findIn(second, randomUUID())).toBeNull();
  });

  test('an id that no client has is looked for each time, as no commit would see that one has it', async () => {
    const id = randomUUID();
    expect(await clients.find(id)).toBeNull();
    stored.set(id, [{ zoneId: second, version: '1' }]);
    expect(await clients.find(id)).toMatchObject({ id });
  });

  test('one of an id that another zone has as well is found there, whichever was first', async () => {
    const id = randomUUID();
    stored.set(
      id,
      [first, second].map((zoneId) => ({ zoneId, version: '1' })),
    );
    silence = silenced();
    expect(await clients.find(id)).toMatchObject({ zoneId: second });
    goOn();
    expect(await clients.findIn(first, id)).toMatchObject({ zoneId: first });
    expect(await clients.findIn(second, id)).toMatchObject({ zoneId: second });
    expect(await clients.findIn(randomUUID(), id)).toBeNull();
  });

  test('one that a zone does not have may be one of another', async () => {
    const id = randomUUID();
    stored.set(id, [{ zoneId: second, version: '1' }]);
    expect(await clients.findIn(first, id)).toBeNull();
    expect(await clients.find(id)).toMatchObject({ zoneId: second });
  });
});

test('a database that is away is no answer', async () => {
  const id = store();
  away = true;
  await expect(clients.find(id)).rejects.toThrow('away');
  away = false;
  expect(await clients.find(id)).toMatchObject({ id });
});

describe('an evaluation', () => {
  const evaluation = async (id: string) => {
    const first = await clients.find(id);
    if (first === null) throw new Error('no client');
    return new SeenClients(ZONE, first, clients);
  };

  test('sees each client in one state, and says which', async () => {
    const [id, other, nobody] = [store('7'), store('8'), randomUUID()];
    const seen = await evaluation(id);
    expect(await seen.firstDisabled([id, other])).toBeUndefined();
    change(other, '9');
    clients.onChange(`${ZONE} ${other}`);
    expect(await seen.find(other)).toMatchObject({ version: '8' });
    expect(await seen.firstDisabled([id, nobody, other])).toBe(nobody);
    // No id at all: the database is not asked, and nothing rests on it.
    expect(await seen.find('no id')).toBeNull();
    expect(seen.seen).toEqual([
      { id, version: '7' },
      { id: other, version: '8' },
      { id: nobody, version: null },
    ]);
  });

  test('sees no client of another zone', async () => {
    const id = store();
    const elsewhere = randomUUID();
    stored.set(elsewhere, [{ zoneId: OTHER, version: '1' }]);
    const seen = await evaluation(id);
    expect(await seen.find(elsewhere)).toBeNull();
    expect(seen.seen).toContainEqual({ id: elsewhere, version: null });
    // Operators who write SQL can give one id to two clients.
    const twice = randomUUID();
    stored.set(twice, [
      { zoneId: OTHER, version: '1' },
      { zoneId: ZONE, version: '2' },
    ]);
    expect(await seen.find(twice)).toMatchObject({ zoneId: ZONE, version: '2' });
  });

  test('that cannot look a client up says that it cannot answer', async () => {
    const seen = await evaluation(store());
    away = true;
    await expect(seen.find(randomUUID())).rejects.toMatchObject({
      code: 'temporarily_unavailable',
    });
    expect(seen.seen).toHaveLength(1);
  });

  test('gives an agent the labels of its client, and its own as far as no other client has them', async () => {
    const id = store('1', ['a', 'b']);
    const directory = {
      findIn: clients.findIn.bind(clients),
      reservedLabels: async (_zone: string, _client: string, labels: readonly string[]) =>
        labels.filter((label) => label.startsWith('reserved')),
    };
    const first = await clients.find(id);
    if (first === null) throw new Error('no client');
    const seen = new SeenClients(ZONE, first, directory);
    expect(await seen.labelsOfAgent(id, ['b'])).toEqual(['a', 'b']);
    expect(seen.askedLabels).toBeUndefined();
    expect(await seen.labelsOfAgent(id, ['c', 'reserved 1', 'b', 'c'])).toEqual(['a', 'b', 'c']);
    expect(seen.askedLabels).toEqual({
      client_id: id,
      labels: ['c', 'reserved 1'],
      reserved: ['reserved 1'],
    });
  });
});
