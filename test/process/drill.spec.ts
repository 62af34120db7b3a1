import { afterAll, beforeAll, expect, test } from 'vitest';
import { jsonOf, runCli } from '../setup/cli.js';
import {
  ADMIN_TOKEN,
  KEY_ENCRYPTION_KEY,
  rows,
  startReplica,
  type Replica,
} from '../setup/harness.js';
import { createTestZone, type TestZone } from '../setup/zone.js';

interface Channel {
  readonly channel: string;
  readonly measured?: number;
  readonly worst?: number;
  readonly bound: number | null;
  readonly absent?: string;
  readonly within_bound: boolean;
}

let replica: Replica;
let zone: TestZone;

beforeAll(async () => {
  replica = await startReplica({ env: { STATUS_LIST_SECONDS: '5' } });
  zone = await createTestZone(replica);
});
afterAll(async () => {
  await replica?.stop();
});

const drill = (...args: readonly string[]) =>
  runCli(['drill', 'revocation', ...args], {
    KEY_ENCRYPTION_KEY,
    ADMIN_TOKEN,
    DATABASE_URL: replica.databaseUrl,
  });

const inAll = async () => {
  const [row] = await rows<{ clients: number; resources: number; zones: number }>(
    replica.databaseUrl,
    `SELECT (SELECT count(*) FROM clients)::int AS clients,
            (SELECT count(*) FROM resources)::int AS resources,
            (SELECT count(*) FROM zones WHERE removed_at IS NULL)::int AS zones`,
  );
  return row;
};

test('a drill measures each channel against what the zone states, and leaves nothing behind', async () => {
  const before = await inAll();
  const run = await drill('--url', replica.url, '--count', '12', '--json');
  expect(run.stderr).toBe('');
  const { revoked, channels } = jsonOf(run) as unknown as {
    revoked: number;
    channels: readonly Channel[];
  };
  expect(revoked).toBe(12);
  const of = new Map(channels.map((one) => [one.channel, one]));
  expect(of.get('exchange')).toMatchObject({ measured: 12, worst: 0, bound: 0 });
  expect(of.get('introspection')).toMatchObject({ measured: 12, worst: 0, bound: 0 });
  expect(of.get('feed')).toMatchObject({ measured: 12, missed: 0, bound: 10 });
  expect(of.get('ssf')).toMatchObject({ measured: 12, missed: 0, bound: null });
  expect(of.get('expiry')).toMatchObject({ measured: 12, bound: 900 });
  for (const { channel, within_bound: within } of channels) expect(within, channel).toBe(true);
  expect(run.code).toBe(0);
  expect(await inAll()).toEqual(before);
});

test('a drill in a zone that exists needs its policy, and removes what it has added', async () => {
  const before = await inAll();
  const args = ['--url', `${replica.url}/`, '--zone', zone.zoneId, '--count', '2'];
  // As whoever asks, such as a named operator by a key of its own.
  const run = await runCli(['drill', 'revocation', ...args], { MANDATE_TOKEN: ADMIN_TOKEN });
  expect(run.stderr).toBe('');
  expect(run.stdout).toMatch(/^2 revocations in zone /);
  expect(run.stdout).toMatch(/^feed .* within it$/m);
  expect(run.stdout).toMatch(/^ssf +\d.* - /m);
  expect(await rows(replica.databaseUrl, 'SELECT 1 FROM ssf_streams')).toEqual([]);
  expect(run.code).toBe(0);
  expect(await inAll()).toEqual(before);
  await zone.activate('@id("no") forbid (principal, action, resource);');
  const refused = await drill('--url', replica.url, '--zone', zone.zoneId);
  expect(refused).toMatchObject({ code: 3, stdout: '' });
  expect(refused.stderr).toContain('no mandate was issued: 403 access_denied');
  expect(await inAll()).toEqual(before);
});

test('a drill says when nothing answers, and what it needs', async () => {
  const nobody = await drill('--url', 'http://127.0.0.1:9');
  expect(nobody).toMatchObject({ code: 3, stderr: 'http://127.0.0.1:9 does not answer\n' });
  for (const args of [
    [],
    ['--url', 'nonsense'],
    ['--url', replica.url, '--count', '0'],
    ['--url', replica.url, '--zone', 'x'],
  ]) {
    expect((await drill(...args)).code).toBe(2);
  }
  const unknown = await runCli(['drill', 'revocation', '--url', 'http://127.0.0.1:9'], {});
  expect(unknown).toMatchObject({ code: 3, stdout: '' });
  expect(unknown.stderr).toContain('there is no token for http://127.0.0.1:9');
});
