import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { APPROVE_WRITES, heldIn, settle, type Held } from '../setup/challenges.js';
import { borrowReplicas, type Replica, rows, startReplica } from '../setup/harness.js';
import { persistently } from '../setup/patience.js';
import { createTestZone, postForm, type Answer, type TestZone } from '../setup/zone.js';

/** The figures in `docs/step-up.md` are of 200. */
const ROUNDS = Number(process.env['STEP_UP_ROUNDS'] ?? 4);
const CRASHES = Number(process.env['STEP_UP_CRASHES'] ?? 1);
const REDEEMERS = 50;

let a: Replica;
let b: Replica;
let zone: TestZone;

beforeAll(async () => {
  [a, b] = await borrowReplicas();
  zone = await createTestZone(a, APPROVE_WRITES);
});
afterAll(() => Promise.all([a?.stop(), b?.stop()]));

const ask = (url: string, parameters: Record<string, string> = {}): Promise<Answer> =>
  postForm(url, {
    grant_type: 'client_credentials',
    client_id: zone.clientId,
    client_secret: zone.secret,
    resource: zone.resource,
    scope: 'a:write',
    ...parameters,
  });

/** What is wrong between the zone's challenges and its audit log: one is spent if and only if a mandate is recorded. */
async function mismatches(): Promise<unknown[]> {
  return rows(
    a.databaseUrl,
    `SELECT c.id, c.consumed_event_id, e.id AS event
       FROM (SELECT id, consumed_event_id FROM challenges WHERE zone_id = $1 AND consumed_at IS NOT NULL) c
       FULL JOIN (SELECT id, (audit_event(a)->'challenge'->>'id')::uuid AS challenge FROM audit_events a
                   WHERE zone_id = $1 AND outcome = 'issued' AND audit_event(a) ? 'challenge') e
         ON e.challenge = c.id AND e.id = c.consumed_event_id
      WHERE c.id IS NULL OR e.id IS NULL`,
    [zone.zoneId],
  );
}

/** How many mandates are on record for a challenge. */
async function recordedFor(id: string): Promise<number> {
  const [row] = await rows<{ n: number }>(
    a.databaseUrl,
    `SELECT count(*)::int AS n FROM audit_events a
      WHERE outcome = 'issued' AND audit_event(a)->'challenge'->>'id' = $1`,
    [id],
  );
  return row?.n ?? 0;
}

/** How many of these are spent. */
async function spentOf(held: readonly Held[]): Promise<number> {
  const [row] = await rows<{ n: number }>(
    a.databaseUrl,
    'SELECT count(*)::int AS n FROM challenges WHERE consumed_at IS NOT NULL AND id = ANY ($1)',
    [held.map(({ id }) => id)],
  );
  return Number(row?.n);
}

describe('on two replicas', () => {
  test(`of ${REDEEMERS} who redeem a challenge at once, one gets a mandate`, async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const held = heldIn(await persistently(() => ask(a.url)));
      await settle(zone, held.id);
      const answers = await Promise.all(
        Array.from({ length: REDEEMERS }, (_, i) => ask((i % 2 === 0 ? a : b).url, held.response)),
      );
      const granted = answers.filter(({ status }) => status === 200);
      // Who is told "not now", as by a machine that is busy, may have been the one; all others know.
      const unsure = answers.filter(({ status }) => status === 503);
      expect(granted.length).toBeLessThanOrEqual(1);
      if (unsure.length === 0) expect(granted).toHaveLength(1);
      const others = answers.filter(({ status }) => status !== 200 && status !== 503);
      expect(others.filter(({ body }) => body['error'] !== 'invalid_grant')).toEqual([]);
      const again = await persistently(() => ask(b.url, held.response));
      expect(granted.length + Number(again.status === 200)).toBeLessThanOrEqual(1);
      expect(await recordedFor(held.id)).toBe(1);
    }
    expect(await mismatches()).toEqual([]);
  });

  test('those who ask for the same at once wait for one challenge', async () => {
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, i) =>
        persistently(() => ask((i % 2 === 0 ? a : b).url, { ttl_seconds: '77' })),
      ),
    );
    const held = answers.map(heldIn);
    expect(new Set(held.map(({ id }) => id)).size).toBe(1);
    expect(new Set(held.map(({ response }) => response.challenge_response)).size).toBe(40);
  });

  test('those who ask for much at once do not get beyond the limit', async () => {
    const { clientId, secret } = await zone.newClient();
    const answers = await Promise.all(
      Array.from({ length: 130 }, (_, i) =>
        persistently(() =>
          ask((i % 2 === 0 ? a : b).url, {
            client_id: clientId,
            client_secret: secret,
            ttl_seconds: String(100 + i),
          }),
        ),
      ),
    );
    const counted = (status: number) => answers.filter((answer) => answer.status === status).length;
    expect({ held: counted(401), refused: counted(429) }).toEqual({ held: 100, refused: 30 });
  });
});

test('a server that is killed leaves challenges spent with a recorded mandate, or unspent', async () => {
  const { databaseUrl } = a;
  const { clientId, secret } = await zone.newClient();
  const credentials = { client_id: clientId, client_secret: secret };
  let victim = await startReplica({ databaseUrl });
  for (let round = 0; round < CRASHES; round += 1) {
    const held: Held[] = [];
    for (let i = 0; i < 24; i += 1) {
      const parameters = { ...credentials, ttl_seconds: String(60 + i) };
      held.push(heldIn(await persistently(() => ask(a.url, parameters))));
    }
    await Promise.all(held.map(({ id }) => settle(zone, id)));
    let received = 0;
    let killed: Promise<unknown> | undefined;
    const redeeming = held.map(async ({ response }, i) => {
      const answer = await ask(victim.url, {
        ...credentials,
        ttl_seconds: String(60 + i),
        ...response,
      }).catch(() => null);
      if (answer?.status === 200) received += 1;
      // In the middle of it.
      if (received === 1 + round * 3) killed ??= victim.stop('SIGKILL');
    });
    await Promise.all(redeeming);
    await (killed ?? victim.stop('SIGKILL'));
    victim = await startReplica({ databaseUrl });
    const spent = await spentOf(held);
    expect(spent).toBeGreaterThanOrEqual(received);
    expect(await mismatches()).toEqual([]);
    // What is unspent can still be redeemed.
    const rest = await Promise.all(
      held.map(({ response }, i) =>
        persistently(() =>
          ask(victim.url, { ...credentials, ttl_seconds: String(60 + i), ...response }),
        ),
      ),
    );
    const others = rest.filter(({ status }) => status !== 200);
    expect(others.filter(({ body }) => body['error'] !== 'invalid_grant')).toEqual([]);
    // More only of those that were told "not now" first, as by a machine that is busy, and had been the one.
    expect(others.length).toBeGreaterThanOrEqual(spent);
    expect(await spentOf(held)).toBe(24);
  }
  expect(await mismatches()).toEqual([]);
  await victim.stop();
});
