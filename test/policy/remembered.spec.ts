/**
 * A decision that is remembered is the one that would be made: whatever a policy reads counts in the very next request,
 * at every replica, and each request has a record of its own that explains it.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createDatabase, startReplica, type Replica } from '../setup/harness.js';
import { persistently } from '../setup/patience.js';
import { activate, metric, newSetVersion, recordedPolicy } from '../setup/policies.js';
import { callAdmin, createTestZone, type Answer, type TestZone } from '../setup/zone.js';

let a: Replica;
let b: Replica;
/** One that asks each time. */
let asking: Replica;

beforeAll(async () => {
  const databaseUrl = await createDatabase();
  [a, b, asking] = await Promise.all([
    startReplica({ databaseUrl }),
    startReplica({ databaseUrl }),
    startReplica({ databaseUrl, env: { REMEMBER_DECISIONS: 'false' } }),
  ]);
});

afterAll(async () => {
  const differences = await Promise.all(
    [a, b].map((replica) =>
      metric(replica, 'mandate_policy_remembered_checks_total', { result: 'different' }),
    ),
  );
  await Promise.all([a, b, asking].map((replica) => replica.stop()));
  expect(differences).toEqual([0, 0]);
});

const ask = (zone: TestZone, replica = a, more: Record<string, string> = {}): Promise<Answer> =>
  persistently(() => zone.sessionAt(replica, more));

const from = (source: 'memory' | 'cedar', replica = a) =>
  metric(replica, 'mandate_policy_decision_sources_total', { source });

const zoneWith = async (...policies: string[]): Promise<TestZone> => {
  const zone = await createTestZone(a);
  const { id } = await newSetVersion(zone, ...policies);
  expect((await activate(a, zone.zoneId, id)).status).toBe(200);
  return zone;
};

const PERMIT = '@id("all") @reason("for all") @max_ttl("60") permit (principal, action, resource);';

test('a decision from memory has the reasons, the lifetime and the record of the one before', async () => {
  const zone = await zoneWith(PERMIT);
  const first = await ask(zone);
  const before = { memory: await from('memory'), cedar: await from('cedar') };
  const second = await ask(zone);
  // More than one where a busy machine was asked again; and nothing else was asked.
  expect(await from('memory')).toBeGreaterThan(before.memory);
  expect(await from('cedar')).toBe(before.cedar);
  expect([first, second].map(({ status, body }) => [status, body['expires_in']])).toEqual([
    [200, 60],
    [200, 60],
  ]);
  const [one, other] = await Promise.all(
    [first, second].map(({ requestId }) => recordedPolicy(a, requestId)),
  );
  const { input: asked, input_sha256: hash, ...decision } = one?.decisions?.[0] ?? {};
  expect(decision).toMatchObject({
    decision: 'allow',
    max_ttl_seconds: 60,
    determining_policies: [{ policy: 'all', effect: 'permit', reason: 'for all' }],
  });
  expect(other).toMatchObject({
    policy_set_version_id: one?.policy_set_version_id,
    manifest_sha256: one?.manifest_sha256,
    decisions: [decision],
  });
  // The input is that of the request itself, with its own time.
  expect(other?.decisions?.[0]?.input).toMatchObject({
    ...asked,
    context: { ...Object(Object(asked).context), time: { epoch: expect.any(Number) } },
  });
  expect(hash).toMatch(/^[0-9a-f]{64}$/);
  const replayed = await callAdmin(a, 'POST', `/decisions/${second.requestId}/replay`, {});
  expect(replayed).toMatchObject({ status: 200, body: { items: [{ same: true }] } });
});

test('a denial from memory is recorded with its reasons, too', async () => {
  const zone = await zoneWith(
    PERMIT,
    '@id("no") @reason("not that") @public forbid (principal, action, resource) when { context.requested_scopes.contains("a:write") };',
  );
  const wanted = { scope: 'a:write' };
  const first = await ask(zone, a, wanted);
  const before = { memory: await from('memory'), cedar: await from('cedar') };
  const second = await ask(zone, a, wanted);
  // More than one where a busy machine was asked again; and nothing else was asked.
  expect(await from('memory')).toBeGreaterThan(before.memory);
  expect(await from('cedar')).toBe(before.cedar);
  for (const answer of [first, second]) {
    expect(answer).toMatchObject({
      status: 403,
      body: { error: 'access_denied', error_description: 'not that' },
    });
    expect(await recordedPolicy(a, answer.requestId)).toMatchObject({
      decisions: [{ decision: 'deny', determining_policies: [{ policy: 'no' }] }],
    });
  }
  // Another scope is another decision.
  expect((await ask(zone)).status).toBe(200);
});

test('another set decides anew in the next request, at every replica', async () => {
  const zone = await zoneWith(PERMIT);
  const none = await newSetVersion(zone, '@id("none") forbid (principal, action, resource);');
  const all = await newSetVersion(zone, PERMIT);
  for (const replica of [a, b, a, b]) expect((await ask(zone, replica)).status).toBe(200);
  for (const [version, status] of [
    [none, 403],
    [all, 200],
    [none, 403],
  ] as const) {
    expect((await activate(b, zone.zoneId, version.id)).status).toBe(200);
    for (const replica of [a, b, a, b]) {
      const answer = await ask(zone, replica);
      expect(answer.status).toBe(status);
      expect(await recordedPolicy(a, answer.requestId)).toMatchObject({
        policy_set_version_id: version.id,
      });
    }
  }
});

test('a policy that reads the time is asked each time', async () => {
  const zone = await zoneWith(
    '@id("hours") permit (principal, action, resource) when { context has time && context.time.hour < 24 };',
  );
  const before = { memory: await from('memory'), cedar: await from('cedar') };
  for (let count = 0; count < 3; count += 1) expect((await ask(zone)).status).toBe(200);
  expect(await from('memory')).toBe(before.memory);
  expect(await from('cedar')).toBeGreaterThanOrEqual(before.cedar + 3);
});

test('what operators change of a client counts in the next request, at every replica', async () => {
  const zone = await zoneWith(
    '@id("trusted") permit (principal in Group::"trusted", action, resource);',
    '@id("blocked") forbid (principal, action, resource) when { principal has labels && principal.labels.contains("blocked") };',
  );
  const change = (body: object) => zone.admin('PATCH', `/clients/${zone.clientId}`, body);
  for (const [body, status] of [
    [{}, 403],
    [{ groups: ['trusted'] }, 200],
    [{ labels: ['blocked'] }, 403],
    [{ labels: ['fine'] }, 200],
    [{ groups: [] }, 403],
  ] as const) {
    if (Object.keys(body).length > 0) await change(body);
    for (const replica of [a, b, a, b]) expect((await ask(zone, replica)).status).toBe(status);
  }
});

test('a replica that remembers nothing asks each time, and decides and records the same', async () => {
  const zone = await zoneWith(
    PERMIT,
    '@id("no") @reason("not that") @public forbid (principal, action, resource) when { context.requested_scopes.contains("a:write") };',
  );
  for (const more of [{}, { scope: 'a:write' }]) {
    const answers = [];
    for (const replica of [a, a, asking, asking]) answers.push(await ask(zone, replica, more));
    const seen = await Promise.all(
      answers.map(async ({ status, body, requestId }) => {
        const recorded = await recordedPolicy(a, requestId);
        // What differs from request to request.
        const answer = { ...body, access_token: null, requestId: null };
        const decision = { ...recorded?.decisions?.[0], input: null, input_sha256: null };
        return [status, answer, decision];
      }),
    );
    expect(seen).toEqual(Array(4).fill(seen[0]));
  }
  expect(await from('cedar', asking)).toBeGreaterThanOrEqual(4);
  expect(await from('memory', asking)).toBe(0);
});
