import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { get, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runCli } from '../setup/cli.js';
import { withClient } from '../setup/databases.js';
import { rows, startReplica, type Replica } from '../setup/harness.js';
import { callWith, newOperator } from '../setup/operators.js';
import { persistently } from '../setup/patience.js';
import { until } from '../setup/process.js';
import { createTestZone, type TestZone } from '../setup/zone.js';

let replica: Replica;
let zone: TestZone;
let folder: string;
let vkey: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mandate-bundles-'));
  replica = await startReplica({ env: { CHECKPOINT_SECONDS: '1' } });
  zone = await createTestZone(replica);
  await zone.session();
  await sealed(zone);
  const { body } = await call('GET', '/audit/checkpoint-keys');
  vkey = (body['items'] as { vkey: string }[])[0]?.vkey ?? '';
});

afterAll(async () => {
  await replica?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** Calls an operators' route with the admin key, again while the server is busy. */
const call = (method: string, path: string) => callWith(replica, replica.adminToken, method, path);
const bundlePath = (of: TestZone, query = '') =>
  `${replica.url}/internal/zones/${of.zoneId}/audit/bundle${query}`;
const fetchBundle = (query = '', of = zone, key = replica.adminToken) =>
  persistently(() => fetch(bundlePath(of, query), { headers: { authorization: `Bearer ${key}` } }));

/** Waits until all that is recorded of a zone is in a signed checkpoint. */
async function sealed(of: TestZone): Promise<void> {
  await until(async () => {
    const [left] = await rows<{ count: number }>(
      replica.databaseUrl,
      `SELECT count(*)::int AS count FROM audit_chains c
         LEFT JOIN evidence_heads h ON h.zone_id = c.zone_id AND h.writer = c.writer
         LEFT JOIN evidence_logs l ON l.zone_id = c.zone_id LEFT JOIN evidence_checkpointed k ON k.zone_id = c.zone_id
        WHERE c.zone_id = $1 AND (c.seq > coalesce(h.seq, 0) OR l.size > coalesce(k.size, 0))`,
      [of.zoneId],
    );
    return left?.count === 0;
  });
}

/** Fills a zone with large events of one chain, more than any buffer holds. */
async function fill(of: TestZone): Promise<void> {
  await rows(
    replica.databaseUrl,
    `DO $$ DECLARE writer uuid := gen_random_uuid(); BEGIN
       FOR i IN 1..1000 LOOP
         PERFORM audit_append('${of.zoneId}', writer, new_uuid_v7(), jsonb_build_object(
           'type', 'token_exchange', 'outcome', 'issued', 'request_id', i::text, 'padding', repeat('x', 20000)));
       END LOOP; END $$`,
  );
  await sealed(of);
}

/** Verifies a bundle as somebody does who has nothing else. */
async function verify(bundle: string, kept: readonly string[] = []) {
  const file = async (text: string): Promise<string> => {
    const path = join(folder, uuidv7());
    await writeFile(path, text);
    return path;
  };
  const files = await Promise.all(kept.map(file));
  const args = ['audit', 'verify', '--bundle', await file(bundle), '--key', vkey];
  return runCli([...args, ...files.flatMap((path) => ['--checkpoint', path])], {});
}

/** Begins to read a bundle, and reads nothing but that it has begun. */
async function begin(of: TestZone, key: string): Promise<IncomingMessage> {
  return until(async () => {
    const headers = { authorization: `Bearer ${key}` };
    const request = get(bundlePath(of), { agent: false, headers });
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    if (response.statusCode === 200) return response.pause();
    response.destroy();
    return null;
  });
}

/** The rest of what is sent until the connection is over. */
async function restOf(response: IncomingMessage): Promise<string> {
  let text = '';
  response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  response.resume();
  await new Promise<void>((resolve) => {
    response.once('close', () => resolve());
    response.once('error', () => {});
  });
  return text;
}

test('a bundle of a server is the one of the command line, and right', async () => {
  const { body } = await call('GET', `/zones/${zone.zoneId}/audit/checkpoints`);
  const [checkpoint] = body['items'] as { size: number; body: string }[];
  const signed = await call('GET', '/audit/checkpoints');
  const [note] = (signed.body['items'] as { size: number; note: string }[]).slice(-1);
  await zone.session();
  await sealed(zone);
  const response = await fetchBundle(`?zone_sizes=${checkpoint?.size}&sizes=${note?.size},999999`);
  expect([response.status, response.headers.get('content-type')]).toEqual([
    200,
    'application/x-ndjson',
  ]);
  expect(response.headers.get('cache-control')).toBe('no-store');
  const bundle = await response.text();
  const { code, stdout } = await verify(bundle, [checkpoint?.body ?? '', note?.note ?? '']);
  expect([code, stdout]).toEqual([0, expect.stringContaining('nothing is wrong')]);
  const output = join(folder, 'bundle');
  const [checkpointFile, noteFile] = [join(folder, 'checkpoint'), join(folder, 'note')];
  await writeFile(checkpointFile, checkpoint?.body ?? '');
  await writeFile(noteFile, note?.note ?? '');
  const kept = ['--checkpoint', checkpointFile, '--checkpoint', noteFile];
  const args = ['audit', 'bundle', '--zone', zone.zoneId, '-o', output, ...kept];
  const made = await runCli(args, { DATABASE_URL: replica.databaseUrl });
  expect(made.code).toBe(0);
  const events = (text: string) =>
    text.split('\n').filter((line) => /^\{"kind":"(?:event|checkpoint|tree)"/.test(line)).length;
  const again = await fetchBundle(`?zone_sizes=${checkpoint?.size}&sizes=${note?.size}`);
  expect(events(await again.text())).toBe(events(bundle));
  // Of a time in which nothing happened there is only what proves that.
  const nothing = await (await fetchBundle('?from=2999-01-01T00:00:00Z')).text();
  expect(await verify(nothing)).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^0 events/),
  });
});

test.each([
  '?from=yesterday',
  '?sizes=0',
  '?sizes=1,',
  `?sizes=${Array.from({ length: 33 }, () => '1').join()}`,
  '?zone_sizes=1&zone_sizes=2',
  '?zone_sizes=%00',
  '?format=csv',
])('refuses %s before anything is sent', async (query) => {
  const response = await fetchBundle(query);
  expect([response.status, response.headers.get('content-type')]).toEqual([
    400,
    expect.stringContaining('json'),
  ]);
});

test('what is in no checkpoint yet is no bundle, and another zone is not there', async () => {
  const other = await createTestZone(replica);
  const auditor = await newOperator(replica, { role: 'auditor', zones: [other.zoneId] });
  expect((await fetchBundle('', zone, auditor.key)).status).toBe(404);
  await sealed(other);
  // Its log stands still, so there is no other one.
  await withClient(replica.databaseUrl, async (client) => {
    await client.query('SET session_replication_role = replica');
    await client.query('DELETE FROM zone_checkpoints WHERE zone_id = $1', [other.zoneId]);
  });
  const early = await fetchBundle('', other, auditor.key);
  expect([early.status, early.headers.get('retry-after')]).toEqual([409, '1']);
});

test('HEAD of a bundle is over at once', async () => {
  const headers = { authorization: `Bearer ${replica.adminToken}` };
  const response = await persistently(() => fetch(bundlePath(zone), { method: 'HEAD', headers }));
  expect([response.status, await response.text()]).toEqual([200, '']);
});

test('who does not read holds no connection, has few beside it, and is broken off with the key', async () => {
  const large = await createTestZone(replica);
  await fill(large);
  const operator = await newOperator(replica, { role: 'auditor' });
  const [one, other] = [await begin(large, operator.key), await begin(large, operator.key)];
  const third = await fetchBundle('', large, operator.key);
  expect([third.status, third.headers.get('retry-after')]).toEqual([429, '5']);
  await until(async () => {
    const busy = await rows<{ query: string }>(
      replica.databaseUrl,
      `SELECT query FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'
          AND query LIKE '%audit_events%'`,
    );
    return busy.length === 0;
  });
  one.destroy();
  await until(async () => {
    const again = await fetchBundle('', zone, operator.key);
    await again.text();
    return again.status === 200;
  });
  const revoked = await call('DELETE', `/operators/${operator.id}/keys/${operator.keyId}`);
  expect(revoked.status).toBeLessThan(300);
  const text = await restOf(other);
  expect(other.complete).toBe(false);
  expect(JSON.parse(text.trimEnd().split('\n').at(-1) ?? '')).toEqual({
    incomplete: true,
    error: 'access_denied',
    error_description: expect.any(String),
  });
  expect(await verify(text)).toMatchObject({
    code: 1,
    stdout: expect.stringContaining('of no kind that bundles have'),
  });
});
