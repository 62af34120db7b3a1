import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startReplica, type Replica } from '../setup/harness.js';
import { until } from '../setup/process.js';
import { createTestZone, readAnswer, type Answer, type TestZone } from '../setup/zone.js';

/** Asks at once, and says how many may be granted: two a second and ten more, for as long as it took. */
async function burst(zone: TestZone, count: number): Promise<{ answers: Answer[]; most: number }> {
  const started = performance.now();
  const answers = await Promise.all(Array.from({ length: count }, () => zone.session()));
  // It may straddle a second at its beginning and at its end.
  const seconds = Math.ceil((performance.now() - started) / 1_000) + 1;
  return { answers, most: 10 + 2 + 2 * seconds };
}

/** How many the limit has let through; a busy machine may then be too slow for some of them. */
const letThrough = (answers: readonly Answer[]) =>
  answers.filter(({ status }) => status === 200 || status === 503).length;

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
    const { answers, most } = await burst(zone, 40);
    expect(letThrough(answers)).toBeGreaterThanOrEqual(12);
    expect(letThrough(answers)).toBeLessThanOrEqual(most);
    const slowed = answers.find(({ status }) => status === 429);
    expect(slowed).toMatchObject({ status: 429, body: { error: 'slow_down' } });
    expect(Number(slowed?.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect(await zone.audit(slowed?.requestId ?? '')).toEqual([]);
    const { clientId, secret } = await zone.newClient();
    const other = await zone.session({ client_id: clientId, client_secret: secret });
    expect(other.status).toBe(200);
    await expect.poll(async () => (await zone.session()).status).toBe(200);
  });

  test('is not told so for what is asked with a mandate of it, and that is limited as well', async () => {
    const { clientId, secret } = await zone.newClient();
    const own = { client_id: clientId, client_secret: secret };
    const mandate = String((await zone.session(own)).body['access_token']);
    const present = async () => {
      const body = new URLSearchParams({ mandate });
      return readAnswer(await fetch(`${replica.url}/receipts`, { method: 'POST', body }));
    };
    const slowed = await until(async () => {
      const answers = await Promise.all(Array.from({ length: 40 }, present));
      return answers.find(({ status }) => status === 429);
    });
    expect(slowed).toMatchObject({ body: { error: 'slow_down' } });
    expect((await zone.session(own)).status).toBe(200);
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
    const { answers, most } = await burst(zone, 40);
    expect(letThrough(answers)).toBeLessThanOrEqual(most);
    expect(answers.some(({ status }) => status === 429)).toBe(true);
    expect((await neighbour.session()).status).toBe(200);
  } finally {
    await replica.stop();
  }
});
