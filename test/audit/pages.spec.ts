import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { rows, startReplica, withClient, type Replica } from '../setup/harness.js';
import { lockTable } from '../setup/locks.js';
import { newOperator } from '../setup/operators.js';
import { persistently } from '../setup/patience.js';
import { until } from '../setup/process.js';
import { callAdmin, createTestZone, type TestZone } from '../setup/zone.js';

let replica: Replica;
let other: Replica;
let zone: TestZone;
let strange: TestZone;

beforeAll(async () => {
  replica = await startReplica();
  other = await startReplica({ databaseUrl: replica.databaseUrl });
  zone = await createTestZone(replica);
  strange = await createTestZone(replica);
  await record(100, { type: 'test', outcome: 'done', operator: 'strange' }, strange);
});

afterAll(async () => {
  await Promise.all([replica?.stop(), other?.stop()]);
});

/** Records events of a zone, as another writer does. */
async function record(many: number, event: object, of: TestZone = zone) {
  await withClient(replica.databaseUrl, async (client) => {
    const writer = uuidv7();
    for (let n = 0; n < many; n += 100) {
      // oxlint-disable-next-line no-await-in-loop
      await client.query(
        `SELECT audit_append($1, $2, new_uuid_v7(), $3::jsonb || jsonb_build_object('request_id', gen_random_uuid()))
           FROM generate_series(1, 100)`,
        [of.zoneId, writer, JSON.stringify(event)],
      );
    }
  });
}

const list = async (query: string) => {
  const path = `/zones/${zone.zoneId}/audit?${query}`;
  const { status, body } = await persistently(() => callAdmin(replica, 'GET', path));
  expect([status, body]).toMatchObject([200, { items: expect.any(Array) }]);
  return body as { items: { id: string }[]; next?: string };
};

/** The ids of all events, in pages of so many. */
async function listAll(filter: string, limit: number): Promise<string[]> {
  const ids: string[] = [];
  let after = '';
  do {
    // oxlint-disable-next-line no-await-in-loop
    const { items, next } = await list(`limit=${limit}${filter}${after}`);
    ids.push(...items.map(({ id }) => id));
    after = next === undefined ? '' : `&after=${next}`;
  } while (after !== '');
  return ids;
}

test('pages neither repeat an event nor leave one out while others record a thousand', async () => {
  await record(300, { type: 'test', outcome: 'done', operator: 'before' });
  for (const filter of ['', '&operator=before', '&outcome=done']) {
    // oxlint-disable-next-line no-await-in-loop
    const there = await listAll(filter, 500);
    expect(there.length).toBeGreaterThanOrEqual(300);
    // oxlint-disable-next-line no-await-in-loop
    const [seen] = await Promise.all([
      listAll(filter, 41),
      record(1_000, { type: 'test', outcome: 'done', operator: 'meanwhile' }),
      persistently(() => zone.sessionAt(other)),
    ]);
    expect(seen).toEqual([...seen].toSorted().toReversed());
    expect(new Set(seen).size).toBe(seen.length);
    const known = new Set(seen);
    expect(there.filter((id) => !known.has(id))).toEqual([]);
  }
});

test('the index catches up with what is recorded, whichever replica fills it', async () => {
  await record(3_000, { type: 'test', outcome: 'done', operator: 'many' });
  await until(async () => {
    const [found] = await rows<{ recorded: string; indexed: string }>(
      replica.databaseUrl,
      `SELECT (SELECT count(*) FROM audit_events) AS recorded, (SELECT count(*) FROM audit_index) AS indexed`,
    );
    return found?.recorded === found?.indexed ? true : null;
  });
  const counted = await Promise.all(
    [replica, other].map(async ({ url }) => {
      const text = await (await fetch(`${url}/metrics`)).text();
      return Number(/^mandate_audit_indexed_events_total (\d+)/m.exec(text)?.[1] ?? 0);
    }),
  );
  const [all] = await rows<{ n: string }>(
    replica.databaseUrl,
    'SELECT count(*) AS n FROM audit_index',
  );
  // One of them may have added some and not counted them yet.
  expect(counted.reduce((sum, one) => sum + one, 0)).toBeLessThanOrEqual(Number(all?.n));
  expect((await list('operator=many&limit=500')).items).toHaveLength(500);
});

test('an entry of the index with the number of another zone shows nothing of it there', async () => {
  // As if a term that a caller has chosen had that number.
  await rows(
    replica.databaseUrl,
    'UPDATE audit_index SET terms = terms || audit_term_digests(ARRAY[$1]) WHERE zone_id = $2',
    [`zone:${zone.zoneId}`, strange.zoneId],
  );
  expect((await list('operator=strange&limit=50')).items).toEqual([]);
  const path = `/zones/${strange.zoneId}/audit?operator=strange&limit=50`;
  const own = await persistently(() => callAdmin(replica, 'GET', path));
  expect((own.body['items'] as object[]).length).toBe(50);
});

test('a search that takes too long is given up, and says what to ask instead', async () => {
  const unlock = await lockTable(replica.databaseUrl, 'audit_index_heads');
  try {
    await until(async () => {
      const { status, body } = await callAdmin(replica, 'GET', `/zones/${zone.zoneId}/audit`);
      return status === 503 && JSON.stringify(body).includes('ask for a shorter time');
    });
  } finally {
    await unlock();
  }
});

test('what was decided on requests of one name is shown in whole pages to an operator of one zone', async () => {
  const label = { 'x-request-id': 'the-same-name' };
  for (const at of [zone, strange, zone, strange, zone]) {
    // oxlint-disable-next-line no-await-in-loop
    expect((await persistently(() => at.session({}, label))).status).toBe(200);
  }
  const { call } = await newOperator(replica, { role: 'support', zones: [zone.zoneId] });
  const pages: number[] = [];
  const seen: string[] = [];
  let after = '';
  do {
    // oxlint-disable-next-line no-await-in-loop
    const { body } = await call('GET', `/decisions/the-same-name?limit=2${after}`);
    const items = body['items'] as { id: string; zone_id: string }[];
    expect(items.map((item) => item.zone_id)).toEqual(items.map(() => zone.zoneId));
    pages.push(items.length);
    seen.push(...items.map(({ id }) => id));
    after = typeof body['next'] === 'string' ? `&after=${body['next']}` : '';
  } while (after !== '');
  expect([pages, new Set(seen).size]).toEqual([[2, 1], 3]);
});
