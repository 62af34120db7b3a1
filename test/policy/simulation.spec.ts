import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { borrowReplica, type Replica } from '../setup/harness.js';
import { activate, newSetVersion, recordedPolicy } from '../setup/policies.js';
import { callAdmin, createTestZone, PERMIT_ALL, rowsIn, type TestZone } from '../setup/zone.js';

let replica: Replica;
let zone: TestZone;

beforeAll(async () => {
  replica = await borrowReplica();
  zone = await createTestZone(replica);
});

afterAll(async () => {
  await replica?.stop();
});

const simulate = (body: object) => callAdmin(replica, 'POST', '/policy/simulate', body);

const inputOf = (id: string) => ({
  schema_version: '1',
  principal: { type: 'Application', id, zone_id: 'zone', labels: ['blue'], groups: ['g'] },
  resource: { type: 'Resource', id: 'r', identifier: 'resource://a', scopes: ['a:read'] },
  action: { id: 'TokenExchange' },
  context: { actor_claims: {}, requested_scopes: ['a:read'], challenge_resolved: false },
});

const policies = [
  { id: 'p', content: 'permit (principal == Application::"app-7", action, resource);' },
];
const inputs = (count: number) => Array.from({ length: count }, (_, n) => inputOf(`app-${n}`));
const HOSTILE = {
  policies: Array.from({ length: 15 }, (_, n) => ({
    id: `m${n}`,
    content:
      `permit (principal, action, resource) when { [${Array(1_900).fill('context').join()}].contains(2) };`.repeat(
        3,
      ),
  })),
  inputs: Array.from({ length: 10 }, () => ({
    ...inputOf('app'),
    context: {
      actor_claims: { all: Array.from({ length: 3_000 }, (_, n) => String(n)) },
      requested_scopes: [],
      challenge_resolved: false,
    },
  })),
};

describe('a simulation of many inputs', () => {
  test('answers each, in their order, as it does one', async () => {
    const { status, body } = await simulate({ policies, inputs: inputs(1_000) });
    expect(status).toBe(200);
    const results = body['results'] as { decision: string }[];
    expect(results).toHaveLength(1_000);
    expect(results.findIndex(({ decision }) => decision === 'allow')).toBe(7);
    expect(results.filter(({ decision }) => decision === 'allow')).toHaveLength(1);
    const one = await simulate({ policies, input: inputOf('app-7') });
    expect(one.body).toEqual({
      ...Object.fromEntries(Object.entries(body).filter(([name]) => name !== 'results')),
      result: results[7],
    });
    expect((await simulate({ policies, inputs: [] })).body).toMatchObject({ results: [] });
  });

  test.each([
    ['1,001 inputs', { inputs: inputs(1_001) }],
    ['one of them malformed', { inputs: [inputOf('a'), { ...inputOf('b'), action: { id: 'x' } }] }],
    ['both one and many', { input: inputOf('a'), inputs: inputs(1) }],
    ['neither', {}],
    ['inputs of null', { inputs: null }],
  ])('is refused with 400 for %s', async (_case, asked) => {
    const answer = await simulate({ policies, ...asked });
    expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_request' } });
  });

  test('is refused with 422 if one is larger than an exchange could ask', async () => {
    const large = { ...inputOf('a'), session: { id: 'x'.repeat(33_000) } };
    for (const asked of [{ input: large }, { inputs: [inputOf('a'), large] }]) {
      const { status, body } = await simulate({ policies, ...asked });
      expect(status).toBe(422);
      expect(body['error_description']).toMatch(/input larger than 32768 bytes/);
    }
  });
});

describe('a simulation of a stored version', () => {
  const content = `@id("reads") @reason("reading is fine") @max_ttl("60")
    permit (principal, action, resource) when { context.requested_scopes == ["a:read"] };
    @id("mfa") @step_up("mfa") forbid (principal, action, resource)
    when { context has requested_ttl_seconds && context.requested_ttl_seconds > 300 };`;

  test('says what the exchange said, on the input that is on record', async () => {
    const version = await newSetVersion(zone, content);
    await activate(replica, zone.zoneId, version.id);
    for (const parameters of [{}, { scope: 'a:write' }, { ttl_seconds: '301' }]) {
      const { requestId } = await zone.session(parameters);
      const { decisions = [] } = await recordedPolicy(replica, requestId);
      const [decision = {} as Record<string, unknown>] = decisions;
      // The row was read as JSON, so this is what GET /internal/decisions shows, too.
      const answer = await simulate({ version_id: version.id, input: decision['input'] });
      expect(answer).toMatchObject({
        status: 200,
        body: {
          policy_set_id: version.policy_set_id,
          version_id: version.id,
          manifest_sha256: version.manifest_sha256,
          result: {
            decision: decision['decision'] === 'allow' ? 'allow' : 'deny',
            determining_policies: decision['determining_policies'],
            diagnostics:
              decision['decision'] === 'step_up'
                ? [{ step_up_required: decision['step_up_required'] }]
                : [],
          },
        },
      });
    }
  });

  test('is refused if there is none, it is corrupt, or another is meant', async () => {
    const input = inputOf('a');
    for (const version_id of [randomUUID(), 'x', '']) {
      expect((await simulate({ version_id, input })).status).toBe(404);
    }
    const version = await newSetVersion(zone, PERMIT_ALL);
    const other = { version_id: version.id, manifest_sha256: '0'.repeat(64), input };
    expect((await simulate(other)).status).toBe(422);
    const another = { version_id: version.id, policy_set_id: randomUUID(), input };
    expect((await simulate(another)).status).toBe(422);
    expect((await simulate({ version_id: version.id, input })).status).toBe(200);
    await rowsIn(
      zone,
      `DO $$ BEGIN
         SET LOCAL session_replication_role = replica;
         UPDATE policy_set_versions SET manifest_sha256 = repeat('0', 64) WHERE id = '${version.id}';
       END $$`,
    );
    expect((await simulate({ version_id: version.id, input })).status).toBe(422);
    expect((await simulate({ input })).status).toBe(400);
  });
});

test('what takes too long is ended with 422, and what comes meanwhile waits or gets 429', async () => {
  const stuck = simulate(HOSTILE);
  const others = await Promise.all(
    Array.from({ length: 20 }, () => simulate({ policies, input: inputOf('app-7') })),
  );
  const stuckAnswer = await stuck;
  expect(stuckAnswer.status).toBe(422);
  expect(stuckAnswer.body['error_description']).toMatch(/took too long/);
  const statuses = others.map(({ status }) => status);
  expect(new Set(statuses)).toEqual(new Set([200, 429]));
  for (const { status, body, headers } of others) {
    if (status !== 429) continue;
    expect(body['error']).toBe('slow_down');
    expect(headers.get('retry-after')).toMatch(/^[1-9]/);
  }
  expect((await simulate({ policies, input: inputOf('app-7') })).status).toBe(200);
});
