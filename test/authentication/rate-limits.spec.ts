import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startReplica, type Replica } from '../setup/harness.js';
import { createTestZone, type Answer, type TestZone } from '../setup/zone.js';

function burst(zone: TestZone, count: number): Promise<Answer[]> {
  return Promise.all(Array.from({ length: count }, () => zone.session()));
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
