import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort } from '../setup/free-port.js';
import { startReplica, type Replica } from '../setup/harness.js';
import { createTestZone, postForm, type Answer, type TestZone } from '../setup/zone.js';
import { describeWith, REDIS } from './tools.js';

/** Asks for so many session mandates at once, at one replica. */
function burst(zone: TestZone, count: number, url: string): Promise<Answer[]> {
  const session = () =>
    postForm(url, {
      grant_type: 'client_credentials',
      client_id: zone.clientId,
      client_secret: zone.secret,
      resource: zone.resource,
      scope: 'a:read',
    });
  return Promise.all(Array.from({ length: count }, session));
}

/** The limit of a client: in each second, and in each ten seconds above that. */
const [A_SECOND, ABOVE] = [2, 20];

const granted = (answers: readonly Answer[]) =>
  answers.filter(({ status }) => status === 200).length;

describeWith([REDIS], 'rate limits that replicas share', () => {
  let redis: ChildProcess;
  let replicas: Replica[];
  let zone: TestZone;

  beforeAll(async () => {
    const port = await freePort();
    redis = spawn(REDIS.path ?? '', ['--port', String(port), '--save', '', '--bind', '127.0.0.1'], {
      stdio: 'ignore',
    });
    const env = {
      REDIS_URL: `redis://127.0.0.1:${port}`,
      RATE_LIMIT_CLIENT: `${A_SECOND}/${ABOVE}`,
      RATE_LIMIT_ZONE: '1000/1000',
    };
    const first = await startReplica({ env });
    replicas = [first, await startReplica({ env, databaseUrl: first.databaseUrl })];
    zone = await createTestZone(first);
  });

  afterAll(async () => {
    redis?.kill('SIGKILL');
    await Promise.all((replicas ?? []).map((replica) => replica.stop()));
  });

  const logged = (text: string) => (replicas[0]?.logs() ?? []).some((line) => line.includes(text));
  const timesAway = () =>
    replicas.flatMap((replica) => replica.logs()).filter((line) => line.includes('Redis is away'))
      .length;

  /** Asks both replicas for so many; `null` if one of them has found Redis away meanwhile and counted for itself. */
  async function together(count: number) {
    const [first, second] = replicas;
    if (first === undefined || second === undefined) throw new Error('no replicas');
    const fresh = await createTestZone(first);
    const [away, begun] = [timesAway(), performance.now()];
    const answers = [
      ...(await burst(fresh, count, first.url)),
      ...(await burst(fresh, count, second.url)),
    ];
    const seconds = (performance.now() - begun) / 1_000;
    return timesAway() > away ? null : { granted: granted(answers), seconds };
  }

  test('a Redis that is stopped is left alone, and counts for all again when it goes on', async () => {
    const [first] = replicas;
    if (first === undefined) throw new Error('no replica');
    const stopped = await createTestZone(first);
    redis.kill('SIGSTOP');
    try {
      const answers = await burst(stopped, 10, first.url);
      expect(answers.every(({ status }) => status === 200 || status === 429)).toBe(true);
      await expect.poll(() => logged('Redis is away'), { timeout: 60_000 }).toBe(true);
    } finally {
      redis.kill('SIGCONT');
    }
    await expect.poll(() => logged('Redis is back'), { timeout: 60_000 }).toBe(true);
  });

  test('replicas count together, and each for itself while Redis is away', async () => {
    const [first = '', second = ''] = replicas.map(({ url }) => url);
    let shared: Awaited<ReturnType<typeof together>> = null;
    // A machine that is busy with other things may let Redis seem away.
    await expect
      .poll(async () => (shared = await together(30)), { timeout: 60_000 })
      .not.toBeNull();
    const { granted: many, seconds } = shared ?? { granted: NaN, seconds: 0 };
    expect(many).toBeGreaterThanOrEqual(ABOVE);
    const most = A_SECOND * Math.ceil(seconds + 1) + ABOVE * Math.ceil((seconds + 1) / 10);
    expect(many).toBeLessThanOrEqual(most);
    redis.kill('SIGKILL');
    await once(redis, 'exit');
    const alone = [...(await burst(zone, 30, first)), ...(await burst(zone, 30, second))];
    expect(alone.every(({ status }) => status === 200 || status === 429)).toBe(true);
    expect(granted(alone)).toBeGreaterThan(30);
  });
});
