import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startReplica, type Replica } from '../setup/harness.js';
import { createTestZone, type Answer, type TestZone } from '../setup/zone.js';

const REDIS = '/usr/bin/redis-server';

async function burst(zone: TestZone, count: number, url?: string): Promise<Answer[]> {
  const from = url === undefined ? zone : { ...zone, ...(await zoneThrough(zone, url)) };
  return Promise.all(Array.from({ length: count }, () => from.session()));
}

/** The same zone, asked through another replica. */
async function zoneThrough(zone: TestZone, url: string): Promise<Pick<TestZone, 'session'>> {
  const { postForm } = await import('../setup/zone.js');
  return {
    session: () =>
      postForm(url, {
        grant_type: 'client_credentials',
        client_id: zone.clientId,
        client_secret: zone.secret,
        resource: zone.resource,
        scope: 'a:read',
      }),
  };
}

const granted = (answers: readonly Answer[]) =>
  answers.filter(({ status }) => status === 200).length;

describe('a client that asks too often', () => {
  let replica: Replica;
  let zone: TestZone;

  beforeAll(async () => {
    replica = await startReplica({
      env: { RATE_LIMIT_CLIENT: '2/10', RATE_LIMIT_ZONE: '1000/1000' },
    });
    zone = await createTestZone(replica);
  });

  afterAll(async () => {
    await replica.stop();
  });

  test('is told to slow down and when to come back, and that is no denial', async () => {
    const answers = await burst(zone, 40);
    // Two a second and ten more; the burst may straddle a second.
    expect(granted(answers)).toBeGreaterThanOrEqual(12);
    expect(granted(answers)).toBeLessThanOrEqual(18);
    const slowed = answers.find(({ status }) => status !== 200);
    expect(slowed).toMatchObject({ status: 429, body: { error: 'slow_down' } });
    expect(Number(slowed?.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect(await zone.audit(slowed?.requestId ?? '')).toEqual([]);
    const { clientId, secret } = await zone.newClient();
    const other = await zone.session({ client_id: clientId, client_secret: secret });
    expect(other.status).toBe(200);
    await sleep(1_100);
    expect((await zone.session()).status).toBe(200);
  });

  test('is not told so for what is wrong with its request', async () => {
    const { clientId, secret } = await zone.newClient();
    const wrong = { client_id: clientId, client_secret: secret, resource: 'resource://unknown' };
    expect(await zone.session(wrong)).toMatchObject({ body: { error: 'invalid_target' } });
  });
});

test('a zone has a limit of its own', async () => {
  const env = { RATE_LIMIT_CLIENT: '1000/1000', RATE_LIMIT_ZONE: '2/10' };
  const replica = await startReplica({ env });
  try {
    const [zone, neighbour] = [await createTestZone(replica), await createTestZone(replica)];
    expect(granted(await burst(zone, 40))).toBeLessThanOrEqual(18);
    expect((await neighbour.session()).status).toBe(200);
  } finally {
    await replica.stop();
  }
});

describe.skipIf(!existsSync(REDIS))('with Redis', () => {
  let redis: ChildProcess;
  let replicas: Replica[];
  let zone: TestZone;

  beforeAll(async () => {
    const port = await freePort();
    redis = spawn(REDIS, ['--port', String(port), '--save', '', '--bind', '127.0.0.1'], {
      stdio: 'ignore',
    });
    const env = {
      REDIS_URL: `redis://127.0.0.1:${port}`,
      RATE_LIMIT_CLIENT: '2/20',
      RATE_LIMIT_ZONE: '1000/1000',
    };
    const first = await startReplica({ env });
    replicas = [first, await startReplica({ env, databaseUrl: first.databaseUrl })];
    zone = await createTestZone(first);
  });

  afterAll(async () => {
    redis.kill('SIGKILL');
    await Promise.all(replicas.map((replica) => replica.stop()));
  });

  test('replicas count together, and each for itself while Redis is away', async () => {
    const [first = '', second = ''] = replicas.map(({ url }) => url);
    const together = [...(await burst(zone, 30, first)), ...(await burst(zone, 30, second))];
    expect(granted(together)).toBeLessThanOrEqual(30);
    expect(granted(together)).toBeGreaterThanOrEqual(20);
    redis.kill('SIGKILL');
    await once(redis, 'exit');
    const alone = [...(await burst(zone, 30, first)), ...(await burst(zone, 30, second))];
    expect(alone.every(({ status }) => status === 200 || status === 429)).toBe(true);
    expect(granted(alone)).toBeGreaterThan(30);
  });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  return address !== null && typeof address === 'object' ? address.port : 0;
}
