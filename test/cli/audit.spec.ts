import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { captured, type Around } from '../../src/cli/captured.fixture.js';
import { sharedReplica, type Replica } from '../setup/harness.js';
import { persistently } from '../setup/patience.js';
import { createTestZone, type TestZone } from '../setup/zone.js';

let replica: Replica;
let zone: TestZone;
let denied: string;

beforeAll(async () => {
  replica = await sharedReplica();
  zone = await createTestZone(replica);
  await zone.session();
  denied = (await zone.session({ scope: 'a:unknown' })).requestId;
});

/** What is sent as long as it is asked for is asked for once: of a machine that is busy, one asks again. */
const patientFetch: typeof fetch = (...asked) => persistently(() => fetch(...asked));

function mandate(line: readonly string[], around: Around = {}) {
  const settings = { url: replica.url, token: replica.adminToken, zone: zone.zoneId };
  return captured(line, {
    ...around,
    settings: { ...settings, ...around.settings },
    surroundings: { fetch: patientFetch, ...around.surroundings },
  });
}

const jsonLines = (text: string) =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

async function newPath(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'mandate-audit-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  return join(directory, 'audit');
}

test('audit list shows what was recorded, narrowed by what is said', async () => {
  const found = await mandate(['audit', 'list', '--outcome', 'denied', '--json']);
  expect([found.code, found.err]).toEqual([0, '']);
  expect(jsonLines(found.out)).toMatchObject([{ request_id: denied, outcome: 'denied' }]);
  const table = await mandate(['audit', 'list', '--request', denied]);
  expect(table.out).toMatch(/^at +type +outcome/);
  expect(table.out).toContain(denied);
  const made = await mandate(['audit', 'list', '--type', 'admin.zone.created']);
  expect(made.out).toMatch(/ admin\.zone\.created .* zone [0-9a-f-]{36} /);
  const across = await mandate(['audit', 'list', '--all-zones', '--request', denied], {
    settings: { zone: undefined },
  });
  expect(across.out).toMatch(
    /^at +zone +type +outcome +client +operator +about +reason +request\n/,
  );
  expect(across.out).toMatch(new RegExp(`${zone.zoneId} .* ${zone.resource} `));
  const two = await mandate(['audit', 'list', '--limit', '2', '--json']);
  expect(jsonLines(two.out)).toHaveLength(2);
  const all = await mandate(['audit', 'list', '--all-zones', '--request', denied, '--json'], {
    settings: { zone: undefined },
  });
  expect(jsonLines(all.out)).toMatchObject([{ zone_id: zone.zoneId }]);
});

test.each([
  [['audit', 'list', '--outcome', 'other'], 2],
  [['audit', 'list', '--limit', '0'], 2],
  [['audit', 'list', '--client', 'x'], 7],
  [['audit', 'tail', '--from', '2026-01-01T00:00:00Z'], 2],
  [['audit', 'list', '--all-zones', '--zone', 'x'], 2],
  [['audit', 'export', '--zone', 'unknown'], 5],
])('%j ends with %i', async (line, code) => {
  expect((await mandate(line)).code).toBe(code);
});

test('audit export writes a new file, and no other', async () => {
  const path = await newPath();
  const done = await mandate(['audit', 'export', '--outcome', 'denied', '--output', path]);
  expect([done.code, done.out]).toEqual([0, '']);
  expect(done.err).toContain(path);
  expect(jsonLines(await readFile(path, 'utf8'))).toMatchObject([{ request_id: denied }]);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect((await mandate(['audit', 'export', '--output', path])).code).toBe(2);
  expect(jsonLines(await readFile(path, 'utf8'))).toHaveLength(1);
  expect(await readdir(dirname(path)), 'nothing is left beside it').toEqual(['audit']);
  const csv = await mandate(['audit', 'export', '--format', 'csv', '--outcome', 'denied']);
  expect(csv.out.split('\r\n')).toHaveLength(3);
});

const INCOMPLETE = { incomplete: true, error: 'access_denied', error_description: 'no more' };

test.each([
  ['ndjson', 'broken off', `{}\n${JSON.stringify(INCOMPLETE)}\n`],
  ['ndjson', 'ended by a proxy', `{}\n${JSON.stringify(INCOMPLETE)}\n`],
  ['csv', 'broken off', '"a"\r\n"INCOMPLETE","access_denied","no more"\r\n'],
  ['csv', 'ended by a proxy', '"INCOMPLETE","access_denied","no more"\r\n'],
])('an export as %s that is %s leaves no file, and says why', async (format, how, sent) => {
  const path = await newPath();
  const broken = new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode(sent));
    },
    pull(controller) {
      if (how === 'broken off') controller.error(new TypeError('terminated'));
      else controller.close();
    },
  });
  const surroundings = {
    fetch: (input: Parameters<typeof fetch>[0], init?: RequestInit) =>
      String(input instanceof Request ? input.url : input).includes('/export')
        ? Promise.resolve(new Response(broken))
        : patientFetch(input, init),
  };
  const line = ['audit', 'export', '--format', format, '--output', path];
  const done = await mandate(line, { surroundings });
  expect(done.code).toBe(3);
  expect(done.err).toContain('no more');
  expect(await readdir(dirname(path))).toEqual([]);
});

test('audit tail prints what comes, and goes on when the connection breaks', async () => {
  const lastIds: (string | null)[] = [];
  let begun = 0;
  const surroundings = {
    wait: () => Promise.resolve(),
    fetch: async (input: Parameters<typeof fetch>[0], init?: RequestInit) => {
      const url = String(input instanceof Request ? input.url : input);
      if (!url.includes('/stream')) return patientFetch(input, init);
      lastIds.push(new Headers(init?.headers).get('last-event-id'));
      const response = await patientFetch(input, init);
      begun += 1;
      // The first connection ends behind the first event.
      if (begun > 1 || response.body === null) return response;
      const cut = new TransformStream<Uint8Array, Uint8Array>({
        transform(chunk, controller) {
          controller.enqueue(chunk);
          if (new TextDecoder().decode(chunk).includes('token_exchange')) controller.terminate();
        },
      });
      return new Response(response.body.pipeThrough(cut), response);
    },
  };
  const line = ['audit', 'tail', '--type', 'token_exchange', '--limit', '3', '--json'];
  const tailing = mandate(line, { surroundings });
  const asked: string[] = [];
  await expect.poll(() => begun).toBe(1);
  asked.push((await zone.session()).requestId);
  await expect.poll(() => begun).toBe(2);
  for (let i = 0; i < 2; i += 1) asked.push((await zone.session()).requestId);
  const { code, out, err } = await tailing;
  expect(code).toBe(0);
  expect(jsonLines(out).map(({ request_id: id }) => id)).toEqual(asked);
  expect(lastIds).toEqual([null, expect.any(String)]);
  expect(err).toContain('asked for again');
});
