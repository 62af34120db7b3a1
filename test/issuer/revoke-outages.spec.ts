import { decodeJwt } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { tokenOf } from '../setup/agents.js';
import { verifyChains } from '../setup/chain.js';
import { createDatabase, rows, startReplica, type Replica } from '../setup/harness.js';
import { persistently } from '../setup/patience.js';
import { proxyDatabase, type ProxiedDatabase } from '../setup/proxied-database.js';
import type { Proxy } from '../setup/proxy.js';
import { revokeAs, type Revoked } from '../setup/revoke.js';
import { createTestZone, type TestZone } from '../setup/zone.js';
import { databaseOf } from '../setup/zone-database.js';

/** Rounds in which the replica that revokes is killed. */
const ROUNDS = Number(process.env['CRASH_ROUNDS'] ?? 2);

let way: ProxiedDatabase;
/** Before the server that has the zone. */
let proxy: Proxy;
/** The database, past the proxy. */
let databaseUrl: string;
let replica: Replica;
let zone: TestZone;
let token: string;

beforeAll(async () => {
  databaseUrl = await createDatabase();
  way = await proxyDatabase(databaseUrl);
  replica = await startReplica({ databaseUrl: way.url });
});

afterAll(async () => {
  await replica?.stop();
  await way?.close();
});

beforeEach(async () => {
  way.open();
  zone = await createTestZone(replica);
  proxy = await way.before(zone.zoneId);
  token = tokenOf(await persistently(() => zone.session()));
  // Everything is in memory, and the ledger has its connections.
  const spare = tokenOf(await persistently(() => zone.session()));
  expect((await persistently(() => revoke(spare))).status).toBe(200);
});

const revoke = (text: string, more: Record<string, string> = {}): Promise<Revoked> =>
  revokeAs(zone, replica.url, { token: text, ...more });

/** What is on record of a mandate: its revocation, and how often that was recorded; its session. */
async function stateOf(text: string) {
  const { jti, sid } = decodeJwt(text);
  const [found] = await rows<{ revoked: boolean; recorded: number; ended: boolean }>(
    await databaseOf(databaseUrl, zone.zoneId),
    `SELECT EXISTS (SELECT FROM revocations WHERE jti = $1) AS revoked,
            (SELECT count(*)::int FROM audit_events a WHERE audit_event(a)->>'revoked_jti' = $1::text) AS recorded,
            EXISTS (SELECT FROM sessions WHERE id = $2 AND ended_at IS NOT NULL) AS ended`,
    [jti, sid],
  );
  return found;
}

describe.each(['sent', 'answered'] as const)('a connection that breaks as it is %s', (when) => {
  test('is not noticed by who asks: it is revoked, and recorded once', async () => {
    const lost = proxy.cutWhen(when, ['ledger_take_back', zone.zoneId]);
    const [answer] = await Promise.all([revoke(token, { cascade: 'session' }), lost]);
    expect([answer.status, answer.text]).toEqual([200, '']);
    expect(await stateOf(token)).toEqual({ revoked: true, recorded: 1, ended: true });
    expect((await verifyChains(databaseUrl)).faults).toEqual([]);
  });
});

test('what cannot be looked up is "not now", and asking again is safe', async () => {
  const lost = proxy
    .cutWhen('answered', ['ledger_take_back', zone.zoneId])
    .then(() => proxy.cutWhen('sent', ['ledger_end']));
  const [answer] = await Promise.all([revoke(token), lost]);
  expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1']);
  expect((await persistently(() => revoke(token))).status).toBe(200);
  expect(await stateOf(token)).toMatchObject({ revoked: true, recorded: 2 });
  expect((await verifyChains(databaseUrl)).faults).toEqual([]);
});

test('while the database is away it is not said that anything was revoked', async () => {
  proxy.forwardTo(null);
  proxy.cut();
  expect((await revoke(token)).status).toBe(503);
  way.open();
  expect(await stateOf(token)).toEqual({ revoked: false, recorded: 0, ended: false });
  expect((await persistently(() => revoke(token))).status).toBe(200);
});

test('a replica that is killed as it revokes has revoked all of it, or nothing', async () => {
  let killed = await startReplica({ databaseUrl });
  const seen = { revoked: 0, left: 0 };
  for (let round = 0; round < ROUNDS; round += 1) {
    const tokens = await Promise.all(
      Array.from({ length: 16 }, async () => tokenOf(await persistently(() => zone.session()))),
    );
    const at = killed;
    // Those that come first are done by then, the last are perhaps not begun.
    const answered: Promise<unknown>[] = tokens.map(async (one, n) => {
      // Of one that is gone nobody asks again.
      const { status } = await persistently(() =>
        revokeAs(zone, at.url, { token: one, cascade: 'session' }).catch(() => ({ status: null })),
      );
      if (n === 3) void at.stop('SIGKILL');
      return status === 200 ? one : null;
    });
    const outcomes = await Promise.all(answered);
    await at.stop('SIGKILL');
    for (const [n, outcome] of outcomes.entries()) {
      const state = await stateOf(tokens[n] ?? '');
      // A busy replica may have been asked twice.
      const all = { revoked: true, recorded: expect.toSatisfy((times) => times > 0), ended: true };
      const nothing = { revoked: false, recorded: 0, ended: false };
      expect(state).toEqual(state?.revoked === true ? all : nothing);
      if (outcome !== null) expect(state).toEqual(all);
      seen[state?.revoked === true ? 'revoked' : 'left'] += 1;
    }
    killed = await startReplica({ databaseUrl });
  }
  await killed.stop();
  expect(seen.revoked).toBeGreaterThan(0);
  expect((await verifyChains(databaseUrl)).faults).toEqual([]);
});
