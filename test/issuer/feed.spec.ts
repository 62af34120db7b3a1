import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { keyOf, newVerifier, type Item, type Verifier } from '../setup/feed.js';
import { borrowReplicas, rows, withClient, type Replica } from '../setup/harness.js';
import { persistently } from '../setup/patience.js';
import { callAdmin, createTestZone, type TestZone } from '../setup/zone.js';

const PATIENCE = { timeout: 30_000, interval: 50 };

let replicas: [Replica, Replica];
let zone: TestZone;
let verifier: Verifier;

beforeAll(async () => {
  replicas = await borrowReplicas();
  zone = await createTestZone(replicas[0]);
  verifier = await newVerifier(zone);
});
afterAll(async () => {
  await Promise.all((replicas ?? []).map((replica) => replica.stop()));
});

const revoke = async (jti: string = randomUUID(), of = zone): Promise<string> => {
  const answer = await persistently(() =>
    callAdmin(of.replica, 'POST', `/zones/${of.zoneId}/revocations`, { jti }),
  );
  expect(answer.status).toBeLessThan(300);
  return jti;
};

const sql = (text: string, values: readonly unknown[] = []) =>
  rows(zone.replica.databaseUrl, text, [...values]);

/** Reads everything after a cursor. */
async function readAll(
  reader: Verifier,
  after?: string,
  at?: Replica,
): Promise<{ items: Item[]; next: string }> {
  const items: Item[] = [];
  let cursor = after;
  for (;;) {
    const query = cursor === undefined ? '' : `?after=${cursor}`;
    const page = await persistently(() => reader.read(query, at));
    expect(page.status, JSON.stringify(page.body)).toBe(200);
    items.push(...page.items);
    cursor = page.next;
    if (page.items.length === 0) return { items, next: cursor };
  }
}

/** Waits until a reader finds all of these after a cursor, and gives what it has found. */
async function untilFound(
  kind: string,
  values: readonly string[],
  after?: string,
  of = zone,
  reader = verifier,
): Promise<Item[]> {
  const wanted = values.map((value) => keyOf(of.zoneId, kind, value));
  let found: Item[] = [];
  await expect
    .poll(async () => {
      const { items } = await readAll(reader, after);
      found = items.filter(({ key }) => wanted.includes(key));
      return found.length;
    }, PATIENCE)
    .toBe(wanted.length);
  for (const item of found) expect(item.kind).toBe(kind);
  return found;
}

describe('the revocation feed', () => {
  test('has what was taken back, by what is in a token, and until when it matters', async () => {
    const { next } = await readAll(verifier);
    const jti = await revoke();
    const [item] = await untilFound('jti', [jti], next);
    expect(item).toEqual({
      cursor: expect.stringMatching(/^[\w-]{23}$/),
      at: expect.stringMatching(/^\d{4}-.*Z$/),
      kind: 'jti',
      key: keyOf(zone.zoneId, 'jti', jti),
      until: expect.stringMatching(/^\d{4}-.*Z$/),
    });
    const { at = '', until = '', cursor = '' } = item ?? {};
    expect(Date.parse(until) - Date.parse(at)).toBeGreaterThanOrEqual(62 * 60_000);
    expect((await readAll(verifier, cursor)).items).toEqual([]);
    // Revoked once more it is not taken back once more.
    await revoke(jti);
    const last = await revoke();
    await untilFound('jti', [last], next);
    expect((await readAll(verifier, next)).items).toHaveLength(2);
  });

  test('is in the order of commits, whatever was begun first', async () => {
    const { next } = await readAll(verifier);
    const [early, late] = [randomUUID(), randomUUID()];
    const insert = 'INSERT INTO revocations (zone_id, jti) VALUES ($1, $2)';
    let cursor = '';
    await withClient(zone.replica.databaseUrl, async (open) => {
      await open.query('BEGIN');
      await open.query(insert, [zone.zoneId, early]);
      await sql(insert, [zone.zoneId, late]);
      const [item] = await untilFound('jti', [late], next);
      cursor = item?.cursor ?? '';
      await open.query('COMMIT');
    });
    // Who has read what came later misses nothing of what had begun earlier.
    const [item] = await untilFound('jti', [early], cursor);
    expect((await readAll(verifier, next)).items.map(({ key }) => key)).toEqual(
      [late, early].map((jti) => keyOf(zone.zoneId, 'jti', jti)),
    );
    expect((await readAll(verifier, item?.cursor)).items).toEqual([]);
  });

  test('lets a reader of another replica wait for it', async () => {
    const { next } = await readAll(verifier);
    const polls = replicas.map((at) => verifier.read(`?after=${next}&wait=25`, at));
    await expect.poll(() => readersAt(replicas), PATIENCE).toBe(2);
    const jti = await revoke();
    for (const answer of await Promise.all(polls)) {
      expect(answer.status).toBe(200);
      expect(answer.items.map(({ key }) => key)).toEqual([keyOf(zone.zoneId, 'jti', jti)]);
      expect((await readAll(verifier, answer.next)).items).toEqual([]);
    }
    // Nothing comes: the answer does, and the cursor goes on.
    const { next: at } = await readAll(verifier);
    const empty = await verifier.read(`?after=${at}&wait=1`);
    expect(empty).toMatchObject({ status: 200, items: [] });
    expect((await verifier.read(`?after=${empty.next}`)).items).toEqual([]);
  });
});

async function readersAt(some: readonly Replica[]): Promise<number> {
  const counts = await Promise.all(
    some.map(async ({ url }) => {
      const text = await (await fetch(`${url}/metrics`)).text();
      return Number(/^mandate_revocation_feed_readers (\d+)$/m.exec(text)?.[1] ?? Number.NaN);
    }),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}
