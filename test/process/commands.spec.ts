import { afterAll, beforeAll, expect, test } from 'vitest';
import { jsonOf, runCli } from '../setup/cli.js';
import {
  createDatabase,
  KEY_ENCRYPTION_KEY,
  rows,
  startReplica,
  type Replica,
} from '../setup/harness.js';
import { age } from '../setup/keys.js';
import { ALLOW_KEY_SERVER as ALLOW_ALL } from '../setup/key-server.js';
import { startProxy, type Proxy } from '../setup/proxy.js';
import { startReceiver, type Receiver } from '../setup/receiver.js';
import { createTestZone, type TestZone } from '../setup/zone.js';

let databaseUrl: string;
let proxy: Proxy;
let receiver: Receiver;
let zone: TestZone;
let other: TestZone;

beforeAll(async () => {
  databaseUrl = await createDatabase();
  [proxy, receiver] = await Promise.all([startProxy(), startReceiver()]);
  proxy.forwardTo(databaseUrl);
  const replica: Replica = await startReplica({ databaseUrl, env: ALLOW_ALL });
  zone = await createTestZone(replica);
  other = await createTestZone(replica);
  await zone.admin('POST', '/webhooks', { url: `${receiver.url}/told` });
  await replica.stop();

  // All that a server would do as soon as it looks.
  await rows(databaseUrl, `SELECT webhook_event($1, 'webhook.test', '{}')`, [zone.zoneId]);
  await age(zone, 400 * 86_400);
  await rows(
    databaseUrl,
    `CREATE TABLE spent_nonces_20200101 PARTITION OF spent_nonces
       FOR VALUES FROM ('2020-01-01') TO ('2020-01-02')`,
  );
  // Slow enough for a command that looked after anything to be seen doing so.
  proxy.delayBy(150);
});

afterAll(async () => {
  await Promise.all([proxy?.close(), receiver?.close()]);
});

/** What waits to be done by a server. */
async function waiting() {
  const deliveries = await rows(
    databaseUrl,
    'SELECT attempts, delivered_at, dead_at FROM webhook_deliveries',
  );
  const keys = await rows<{ kid: string }>(
    databaseUrl,
    'SELECT kid, retires_at FROM signing_keys WHERE zone_id = $1',
    [zone.zoneId],
  );
  const old = await rows(
    databaseUrl,
    `SELECT to_regclass('spent_nonces_20200101') IS NOT NULL AS kept`,
  );
  return { told: receiver.received.length, deliveries, keys, old };
}

test.each([
  { command: 'keys list' },
  { command: 'keys verify' },
  { command: 'keys rewrap --all' },
  { command: 'keys rotate' },
])('$command does what it was told to, and nothing else', async ({ command }) => {
  const before = await waiting();
  expect(before).toMatchObject({
    told: 0,
    deliveries: [{ attempts: 0, delivered_at: null, dead_at: null }],
    keys: [{ retires_at: null }],
    old: [{ kept: true }],
  });
  const zones = command === 'keys rotate' ? ['--zone', other.zoneId] : [];
  const run = await runCli([...command.split(' '), ...zones, '--json'], {
    DATABASE_URL: proxy.urlFor(databaseUrl),
    DATABASE_TIMEOUT_MS: '5000',
    KEY_ENCRYPTION_KEY,
    ...ALLOW_ALL,
  });
  expect([run.code, run.stderr]).toEqual([0, '']);
  expect(Object.keys(jsonOf(run))).not.toEqual([]);
  expect(await waiting()).toEqual(before);
});

test('a server does all of it', async () => {
  const replica = await startReplica({ databaseUrl, env: ALLOW_ALL });
  try {
    await expect
      .poll(async () => {
        const { told, deliveries, keys, old } = await waiting();
        return [told, deliveries.length, keys.length, old];
      })
      .toEqual([1, 1, 2, [{ kept: false }]]);
  } finally {
    await replica.stop();
  }
});
