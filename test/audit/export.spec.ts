import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { borrowReplica, rows, type Replica } from '../setup/harness.js';
import { callWith, newOperator } from '../setup/operators.js';
import { persistently } from '../setup/patience.js';
import { until } from '../setup/process.js';
import { createTestZone, type TestZone } from '../setup/zone.js';

let replica: Replica;
let zone: TestZone;

beforeAll(async () => {
  replica = await borrowReplica();
  zone = await createTestZone(replica);
  for (let i = 0; i < 3; i += 1) await zone.session();
  await zone.session({ scope: 'a:unknown' });
});

afterAll(async () => {
  await replica?.stop();
});

const fetchExport = (path: string, key = replica.adminToken, method = 'GET') =>
  persistently(() =>
    fetch(`${replica.url}/internal${path}`, {
      method,
      headers: { authorization: `Bearer ${key}` },
    }),
  );
/** Calls an operators' route with the admin key, again while the server is busy. */
const call = (method: string, path: string) => callWith(replica, replica.adminToken, method, path);

/** The ids of all events of a zone, by its pages. */
async function idsIn(zoneId: string, query = ''): Promise<string[]> {
  const ids: string[] = [];
  let after = '';
  do {
    const path = `/zones/${zoneId}/audit?limit=100${query}${after}`;
    const { body } = await call('GET', path);
    ids.push(...(body['items'] as { id: string }[]).map(({ id }) => id));
    after = typeof body['next'] === 'string' ? `&after=${body['next']}` : '';
  } while (after !== '');
  return ids;
}

const linesOf = (text: string) =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

/** Fills a zone with many events of one chain. */
async function fill(of: TestZone, count: number, padding = 0): Promise<void> {
  await rows(
    replica.databaseUrl,
    `DO $$ DECLARE writer uuid := gen_random_uuid(); BEGIN
       FOR i IN 1..${count} LOOP
         PERFORM audit_append('${of.zoneId}', writer, new_uuid_v7(), jsonb_build_object(
           'type', 'token_exchange', 'outcome', 'issued', 'request_id', i::text, 'padding', repeat('x', ${padding})));
       END LOOP; END $$`,
  );
}

test('exports all that there is of a zone, as pages have it', async () => {
  const response = await fetchExport(`/zones/${zone.zoneId}/audit/export`);
  expect([response.status, response.headers.get('content-type')]).toEqual([
    200,
    'application/x-ndjson',
  ]);
  const events = linesOf(await response.text());
  expect(events.map(({ id }) => id)).toEqual(await idsIn(zone.zoneId));
  expect(events[0]).toMatchObject({ zone_id: zone.zoneId, chain: { seq: expect.any(Number) } });
});

test('exports what fits, and no more', async () => {
  const query = 'type=token_exchange&outcome=denied';
  const response = await fetchExport(`/zones/${zone.zoneId}/audit/export?${query}`);
  const events = linesOf(await response.text());
  expect(events).toHaveLength(1);
  expect(events[0]).toMatchObject({ outcome: 'denied', error: 'invalid_scope' });
});

test('exports more than is read at once, each event once', async () => {
  const large = await createTestZone(replica);
  await fill(large, 1_500);
  const response = await fetchExport(`/zones/${large.zoneId}/audit/export?type=token_exchange`);
  const events = linesOf(await response.text());
  expect(new Set(events.map(({ id }) => id)).size).toBe(1_500);
  expect(events).toHaveLength(1_500);
});

test('exports as CSV, with a line for each event and none that a spreadsheet runs', async () => {
  const evil = await createTestZone(replica);
  const label = '-formula';
  await evil.session({}, { 'x-request-id': label });
  const path = `/zones/${evil.zoneId}/audit/export?format=csv&request_id=${label}`;
  const response = await fetchExport(path);
  expect(response.headers.get('content-type')).toContain('text/csv');
  const [header = '', line = '', ...rest] = (await response.text()).split('\r\n');
  expect(header).toMatch(/^"occurred_at","zone_id","id","type","outcome"/);
  expect(line).toContain(`"'${label}"`);
  expect(rest).toEqual(['']);
});

test('exports of all zones what the operator may see', async () => {
  const other = await createTestZone(replica);
  const auditor = await newOperator(replica, { role: 'auditor', zones: [other.zoneId] });
  const response = await fetchExport('/audit/export', auditor.key);
  const zones = new Set(linesOf(await response.text()).map(({ zone_id: id }) => id));
  expect([...zones]).toEqual([other.zoneId]);
  const nothing = await fetchExport(`/audit/export?zone=${zone.zoneId}`, auditor.key);
  expect([nothing.status, await nothing.text()]).toEqual([200, '']);
  const unknown = await fetchExport(`/zones/${zone.zoneId}/audit/export`, auditor.key);
  expect(unknown.status).toBe(404);
  const both = await fetchExport(`/audit/export?operator=${encodeURIComponent(auditor.name)}`);
  expect(linesOf(await both.text()).every(({ operator }) => operator === auditor.name)).toBe(true);
});

test.each(['export', 'export?format=csv', 'stream'])('HEAD of %s is over at once', async (path) => {
  const response = await fetchExport(`/zones/${zone.zoneId}/audit/${path}`, undefined, 'HEAD');
  expect([response.status, await response.text()]).toEqual([200, '']);
});

test.each(['?format=xml', '?format=csv&format=csv', '?limit=1', '?from=yesterday', '?client=%00'])(
  'refuses %s before anything is sent',
  async (query) => {
    const response = await fetchExport(`/zones/${zone.zoneId}/audit/export${query}`);
    expect([response.status, response.headers.get('content-type')]).toEqual([
      400,
      expect.stringContaining('json'),
    ]);
  },
);

describe('an export whose reader does not read', () => {
  /** Begins an export of more than any buffer holds, and reads nothing of it. */
  async function begin(of: TestZone, key = replica.adminToken): Promise<IncomingMessage> {
    return until(async () => {
      const request = get(`${replica.url}/internal/zones/${of.zoneId}/audit/export`, {
        agent: false,
        headers: { authorization: `Bearer ${key}` },
      });
      const [response] = (await once(request, 'response')) as [IncomingMessage];
      if (response.statusCode === 200) return response.pause();
      response.destroy();
      return null;
    });
  }

  test('holds no connection, has few beside it, and leaves its place when it goes', async () => {
    const large = await createTestZone(replica);
    await fill(large, 1_000, 20_000);
    const operator = await newOperator(replica, { role: 'auditor' });
    const readers = [await begin(large, operator.key), await begin(large, operator.key)];
    const third = await fetchExport(`/zones/${large.zoneId}/audit/export`, operator.key);
    expect([third.status, third.headers.get('retry-after')]).toEqual([429, '5']);
    // Until both wait for their readers nothing of the search is open.
    await until(async () => {
      const busy = await rows<{ query: string }>(
        replica.databaseUrl,
        `SELECT state || ' ' || left(query, 300) AS query FROM pg_stat_activity
          WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'
            AND query LIKE '%audit_events%'`,
      );
      return busy.length === 0;
    });
    const page = await call('GET', `/zones/${large.zoneId}/audit?limit=1`);
    expect(page.status).toBe(200);
    for (const reader of readers) reader.destroy();
    await until(async () => {
      const again = await fetchExport(`/zones/${zone.zoneId}/audit/export`, operator.key);
      await again.text();
      return again.status === 200;
    });
  });

  test('ends with a line that says so, and the connection, once its operator has lost the key', async () => {
    const large = await createTestZone(replica);
    await fill(large, 1_000, 20_000);
    const operator = await newOperator(replica, { role: 'auditor' });
    const response = await begin(large, operator.key);
    const revoked = await call('DELETE', `/operators/${operator.id}/keys/${operator.keyId}`);
    expect(revoked.status).toBeLessThan(300);
    let text = '';
    response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    response.resume();
    await new Promise<void>((resolve) => {
      response.once('close', () => resolve());
      response.once('error', () => {});
    });
    expect(response.complete).toBe(false);
    const last = linesOf(text).at(-1);
    expect(last).toEqual({
      incomplete: true,
      error: 'access_denied',
      error_description: expect.any(String),
    });
    expect(linesOf(text).length).toBeLessThan(1_000);
  });
});
