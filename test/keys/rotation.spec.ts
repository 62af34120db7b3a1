import { setTimeout as sleep } from 'node:timers/promises';
import { decodeProtectedHeader, createLocalJWKSet, compactVerify, type JSONWebKeySet } from 'jose';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { borrowReplicas, type Replica, rows, startReplicaForTest } from '../setup/harness.js';
import { age, keysOf, rotate } from '../setup/keys.js';
import { persistently } from '../setup/patience.js';
import { createTestZone, type Answer, type TestZone } from '../setup/zone.js';

/** For the whole proof give 20. */
const ROTATIONS = Number(process.env['KEY_ROTATIONS'] ?? 2);

let replica: Replica;
let other: Replica;

beforeAll(async () => {
  [replica, other] = await borrowReplicas();
});

afterAll(async () => {
  await Promise.all([replica?.stop(), other?.stop()]);
});

const tokenOf = (answer: Answer) => String(answer.body['access_token']);
const kidOf = (answer: Answer) => String(decodeProtectedHeader(tokenOf(answer)).kid);
/** The same zone, as its clients reach it through the other replica. */
const elsewhere = (zone: TestZone, subject: string) =>
  persistently(() =>
    fetch(`${other.url}/oauth/2/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
        client_id: zone.clientId,
        client_secret: zone.secret,
        subject_token: subject,
        subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
        resource: zone.resource,
        scope: 'a:read',
      }),
    }),
  );

async function keySetOf(zone: TestZone, at = replica): Promise<JSONWebKeySet> {
  const url = `${at.url}/zones/${zone.zoneId}/.well-known/jwks.json`;
  const response = await persistently(() => fetch(url));
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what it is, jose checks
  return (await response.json()) as JSONWebKeySet;
}

function tally(keys: readonly { alg: string; state: string }[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { alg, state } of keys) {
    counts[`${alg} ${state}`] = (counts[`${alg} ${state}`] ?? 0) + 1;
  }
  return counts;
}

describe('fifty rotations at once, over two replicas,', () => {
  test('make one key of each algorithm, and none of them is told otherwise', async () => {
    const zone = await createTestZone(replica);
    await zone.admin('POST', '/resources', {
      identifier: 'resource://x',
      scopes: [],
      signing_alg: 'EdDSA',
    });
    await age(zone, 500);
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, i) => rotate(zone, '', i % 2 === 0 ? replica : other)),
    );
    // Fifty wait for one row, which some give up; nobody gets anything else.
    const done = answers.filter(({ status }) => status === 200);
    for (const { status } of answers) expect([200, 503]).toContain(status);
    expect(done.length).toBeGreaterThan(0);
    expect(new Set(done.map(({ body }) => body['kid'])).size).toBe(1);
    expect(tally(await keysOf(zone))).toEqual({
      'ES256 active': 1,
      'ES256 pending': 1,
      'EdDSA active': 1,
      'EdDSA pending': 1,
    });
  });

  test('in an emergency leave one key that signs', async () => {
    const zone = await createTestZone(replica);
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, i) =>
        rotate(zone, '?emergency=true', i % 2 === 0 ? replica : other),
      ),
    );
    expect(answers.some(({ status }) => status === 200)).toBe(true);
    for (const { status } of answers) expect([200, 503]).toContain(status);
    const { 'ES256 compromised': withdrawn = 0, ...left } = tally(await keysOf(zone));
    expect(left).toEqual({ 'ES256 active': 1 });
    expect(withdrawn).toBe(answers.filter(({ status }) => status === 200).length);
  });
});

test('a key that leaked is believed nowhere from then on', async () => {
  const zone = await createTestZone(replica);
  const before = tokenOf(await persistently(() => zone.session()));
  expect((await elsewhere(zone, before)).status).toBe(200);
  expect((await persistently(() => rotate(zone, '?emergency=true'))).status).toBe(200);
  expect((await elsewhere(zone, before)).status).toBe(400);
});

/** Verifies as the strictest verifier may: it asks for the key set when max-age is over, and never sooner. */
class CachingVerifier {
  private keySet: JSONWebKeySet = { keys: [] };
  private fetchedAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly zone: TestZone,
    private readonly at: Replica,
    private now: number,
  ) {}

  /** Its clock goes with that of the zone's keys. */
  pass(seconds: number): void {
    this.now += seconds;
  }

  async verify(token: string): Promise<void> {
    if (this.now - this.fetchedAt >= 300) {
      this.keySet = await keySetOf(this.zone, this.at);
      this.fetchedAt = this.now;
    }
    await compactVerify(token, createLocalJWKSet(this.keySet));
  }
}

test('rotations under load break no verifier that honours max-age', async () => {
  const zone = await createTestZone(replica);
  // They asked for the key set at different times.
  const verifiers = Array.from(
    { length: 6 },
    (_, i) => new CachingVerifier(zone, i % 2 === 0 ? replica : other, -i * 50),
  );
  const first = tokenOf(await zone.exchange());
  for (const [i, verifier] of verifiers.entries()) {
    await verifier.verify(first);
    verifier.pass(i * 50);
  }
  let now = 0;
  const stop = new AbortController();
  const issued: { token: string; at: number }[] = [];
  const unpublished: string[] = [];
  const load = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      const asked = now;
      const published = (await keySetOf(zone)).keys.map(({ kid }) => kid);
      const answer = await zone.exchange();
      // While its keys change that often, a zone may ask for patience.
      if (answer.status === 503) continue;
      expect(answer.status).toBe(200);
      // A key set of which max-age is over need not have what signs now.
      const known = published.includes(kidOf(answer)) || now - asked >= 300;
      if (!known) unpublished.push(kidOf(answer));
      issued.push({ token: tokenOf(answer), at: now });
      // Each of them is verified again and again.
      await sleep(10);
    }
  };
  const loads = Promise.all([load(), load()]);
  onTestFinished(async () => {
    stop.abort();
    await loads.catch(() => {});
  });
  const kids = new Set<string>();
  let verified = 0;
  for (let rotation = 0; rotation < ROTATIONS; rotation += 1) {
    expect((await persistently(() => rotate(zone))).body).toMatchObject({ state: 'pending' });
    for (const seconds of [105, 105, 105, 106]) {
      now += seconds;
      await age(zone, seconds);
      for (const verifier of verifiers) verifier.pass(seconds);
      const seen = issued.length;
      await expect.poll(() => issued.length).toBeGreaterThan(seen + 1);
      // Old ones are verified as well, until they would have expired.
      const alive = issued.filter(({ at }) => now - at < 3_600);
      const sample = [...alive.slice(-6), ...alive.filter((_, i) => i % 17 === 0)];
      for (const { token } of sample) {
        for (const verifier of verifiers) await verifier.verify(token);
        kids.add(String(decodeProtectedHeader(token).kid));
        verified += verifiers.length;
      }
    }
  }
  stop.abort();
  await loads;
  expect(unpublished).toEqual([]);
  expect(kids.size).toBe(ROTATIONS + 1);
  expect(verified).toBeGreaterThan(ROTATIONS * 4 * 6);
});

describe('a key that has become old', () => {
  test('is followed by another, once, whatever the number of replicas', async () => {
    const [zone, off] = [await createTestZone(replica), await createTestZone(replica)];
    const later = await createTestZone(replica);
    await off.admin('PATCH', '/signing-key', { rotation_days: 0 });
    for (const one of [zone, off]) await age(one, 31 * 86_400);
    // Replicas look soon after they start.
    await startReplicaForTest({ databaseUrl: replica.databaseUrl });
    await expect
      .poll(async () => tally(await keysOf(zone)))
      .toEqual({ 'ES256 active': 1, 'ES256 pending': 1 });
    // Whoever rotates the key of a zone that is due now has looked at this one, too.
    await age(later, 31 * 86_400);
    await startReplicaForTest({ databaseUrl: replica.databaseUrl });
    await expect
      .poll(async () => tally(await keysOf(later)))
      .toEqual({ 'ES256 active': 1, 'ES256 pending': 1 });
    expect(tally(await keysOf(zone))).toEqual({ 'ES256 active': 1, 'ES256 pending': 1 });
    expect(tally(await keysOf(off))).toEqual({ 'ES256 active': 1 });
    const [pending] = await keysOf(zone);
    const events = await rows<{ event: unknown }>(
      replica.databaseUrl,
      `SELECT audit_event(a) AS event FROM audit_events a
        WHERE zone_id = $1 AND audit_event(a)->>'operator' = 'automatic rotation'`,
      [zone.zoneId],
    );
    expect(events).toMatchObject([
      {
        event: {
          type: 'admin.signing_key.rotated',
          emergency: false,
          keys: { published: [pending?.kid] },
        },
      },
    ]);
  });
});

test('operators see the keys of a zone, and nothing private of them', async () => {
  const zone = await createTestZone(replica);
  await rotate(zone);
  const list = await zone.admin('GET', '/signing-keys');
  expect(list).toMatchObject({
    signing_alg: 'ES256',
    rotation_days: 30,
    publish_x5c: false,
    items: [
      { alg: 'ES256', state: 'pending', retires_at: null, compromised_at: null },
      { alg: 'ES256', state: 'active', retires_at: expect.any(String) },
    ],
  });
  const stored = await rows<{ sealed: Buffer }>(
    replica.databaseUrl,
    'SELECT sealed_private_key AS sealed FROM signing_keys WHERE zone_id = $1',
    [zone.zoneId],
  );
  const text = JSON.stringify(list);
  for (const { sealed } of stored) {
    expect(text).not.toContain(sealed.subarray(-16).toString('hex'));
    expect(text).not.toContain(sealed.subarray(-16).toString('base64'));
  }
  expect(text).not.toMatch(/"d"|seal|private/);
});
