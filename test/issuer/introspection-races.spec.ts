/** What is taken back at one replica is not active at another one from the moment on at which that was answered. */
import { fileURLToPath } from 'node:url';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { tokenOf } from '../setup/agents.js';
import { createDatabase, startReplica, type Replica } from '../setup/harness.js';
import { introspect, introspectAll } from '../setup/introspection.js';
import { persistently } from '../setup/patience.js';
import { callAdmin, createTestZone, type TestZone } from '../setup/zone.js';

const REVOCATIONS = Number(process.env['INTROSPECTION_REVOCATIONS'] ?? 50);
const CRASHES = Number(process.env['INTROSPECTION_CRASHES'] ?? 1);
const AT_ONCE = 5;
/** For each that is revoked, with what is asked meanwhile, on a machine that is busy with something else. */
const PATIENCE_MS = 2_000;
const CLOCK = fileURLToPath(new URL('../setup/shifted-clock.mjs', import.meta.url));

let databaseUrl: string;
let revoking: Replica;
let asked: Replica;
let zone: TestZone;
let subject: string;

beforeAll(async () => {
  databaseUrl = await createDatabase();
  const env = { RATE_LIMIT_CLIENT: '100000/100000', RATE_LIMIT_ZONE: '100000/100000' };
  [revoking, asked] = await Promise.all([
    startReplica({ databaseUrl, env }),
    startReplica({ databaseUrl, env }),
  ]);
  zone = await createTestZone(asked);
  subject = tokenOf(await zone.session());
});

afterAll(async () => {
  await Promise.all([revoking?.stop(), asked?.stop()]);
});

async function mandates(count: number): Promise<string[]> {
  const tokens: string[] = [];
  while (tokens.length < count) {
    const some = Array.from({ length: Math.min(AT_ONCE, count - tokens.length) }, () =>
      persistently(() => zone.exchange({ subject_token: subject })),
    );
    tokens.push(...(await Promise.all(some)).map(tokenOf));
  }
  return tokens;
}

const isActiveAt = async (replica: Replica, token: string): Promise<unknown> => {
  const answer = await persistently(() => introspect(replica.url, token, zone));
  expect([answer.status, typeof answer.body['active']]).toEqual([200, 'boolean']);
  return answer.body['active'];
};

/** Whether it was answered that a mandate is revoked. */
async function revoke(replica: Replica, token: string): Promise<boolean> {
  const path = `/zones/${zone.zoneId}/revocations`;
  const { jti } = decodeJwt(token);
  try {
    const headers = { prefer: 'return=minimal' };
    const { status } = await callAdmin(replica, 'POST', path, { jti }, headers);
    return status < 300;
  } catch {
    return false;
  }
}

/** Introspects mandates over and over, so that there always are statements under way when one is asked about. */
function keepAsking(replica: Replica, tokens: readonly string[]) {
  const over = new AbortController();
  let answers = 0;
  const asking = Array.from({ length: 3 }, async (_, n) => {
    while (!over.signal.aborted) {
      const { status } =
        n === 0
          ? await introspectAll(replica.url, { tokens: tokens.slice(0, 100) }, zone)
          : await introspect(replica.url, tokens[answers % tokens.length] ?? '', zone);
      if (status === 200) answers += 1;
    }
  });
  return {
    answers: () => answers,
    stop: async () => {
      over.abort();
      await Promise.all(asking);
    },
  };
}

/** Revokes all of some mandates, and asks about each as soon as that was answered. */
async function stillActive(
  at: Replica,
  tokens: readonly string[],
): Promise<{ active: string[]; revoked: number }> {
  const active: string[] = [];
  const waiting = [...tokens];
  let revoked = 0;
  const lanes = Array.from({ length: AT_ONCE }, async () => {
    for (let token = waiting.shift(); token !== undefined; token = waiting.shift()) {
      // Asked about all the time until then: an answer that is remembered or shared would be an old one.
      const others = keepAsking(at, [token]);
      const isRevoked = await revoke(revoking, token);
      if (isRevoked && (await isActiveAt(at, token)) !== false) active.push(token);
      if (isRevoked) revoked += 1;
      await others.stop();
    }
  });
  await Promise.all(lanes);
  return { active, revoked };
}

test(
  'none of many revocations is active at another replica that is asked at once',
  async () => {
    const tokens = await mandates(REVOCATIONS);
    for (const token of tokens.slice(0, AT_ONCE)) expect(await isActiveAt(asked, token)).toBe(true);
    const others = keepAsking(asked, tokens);
    const { active, revoked } = await stillActive(asked, tokens);
    await others.stop();
    expect(active).toEqual([]);
    expect(revoked).toBeGreaterThan(REVOCATIONS / 2);
    expect(others.answers()).toBeGreaterThan(0);
  },
  Math.max(240_000, REVOCATIONS * PATIENCE_MS),
);

test('nor when the replica that revokes is killed meanwhile', async () => {
  for (let crash = 0; crash < CRASHES; crash += 1) {
    const tokens = await mandates(3 * AT_ONCE);
    const victim = await startReplica({ databaseUrl });
    const revoked: string[] = [];
    const active: string[] = [];
    const lanes = tokens.map(async (token) => {
      if (!(await revoke(victim, token))) return;
      revoked.push(token);
      // The others are under way: some are committed, and nobody was told.
      if (revoked.length === AT_ONCE) void victim.stop('SIGKILL');
      if ((await isActiveAt(asked, token)) !== false) active.push(token);
    });
    await Promise.all(lanes);
    await victim.stop('SIGKILL');
    expect(active).toEqual([]);
    expect(revoked.length).toBeGreaterThanOrEqual(AT_ONCE);
    for (const token of revoked) expect(await isActiveAt(asked, token)).toBe(false);
  }
});

test.each([25_000, -25_000])('nor at a replica whose clock is %i ms off', async (ms) => {
  const env = { NODE_OPTIONS: `--import=${CLOCK}`, CLOCK_SHIFT_MS: String(ms) };
  const wrong = await startReplica({ databaseUrl, env });
  try {
    const tokens = await mandates(3 * AT_ONCE);
    for (const token of tokens.slice(0, 3)) expect(await isActiveAt(wrong, token)).toBe(true);
    const { active, revoked } = await stillActive(wrong, tokens);
    expect(active).toEqual([]);
    expect(revoked).toBeGreaterThan(0);
    // When it has expired is said by the clock of the database.
    const short = tokenOf(await zone.exchange({ subject_token: subject, ttl_seconds: '1' }));
    await expect.poll(() => isActiveAt(asked, short)).toBe(false);
    expect(await isActiveAt(wrong, short)).toBe(false);
  } finally {
    await wrong.stop();
  }
});
