import { createHash, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { borrowReplica, type Replica, rows } from '../setup/harness.js';
import { callAdmin, PERMIT_ALL } from '../setup/zone.js';

let replica: Replica;

beforeAll(async () => {
  // One of its own: what it writes is counted.
  replica = await borrowReplica();
});

afterAll(() => replica.stop());

const CLIENT = '0190f4c8-0000-7000-8000-000000000001';

const INPUT = {
  schema_version: '1',
  principal: {
    type: 'Application',
    id: CLIENT,
    zone_id: '0190f4c8-0000-7000-8000-000000000002',
    registration_method: 'manual',
    labels: ['blue'],
  },
  resource: {
    type: 'Resource',
    id: '0190f4c8-0000-7000-8000-000000000003',
    identifier: 'resource://a',
    scopes: ['a:read'],
  },
  action: { id: 'TokenExchange' },
  context: { actor_claims: {}, requested_scopes: ['a:read'], challenge_resolved: false },
};

const FORBID = 'forbid (principal, action, resource);';

const simulate = (policies: Record<string, string>, turned: object = {}, input: object = {}) =>
  callAdmin(replica, 'POST', '/policy/simulate', {
    policies: Object.entries(policies).map(([id, content]) => ({ id, content })),
    input: { ...INPUT, ...input },
    ...turned,
  });

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

/** The manifest hash as a caller computes it: over pairs of id and hash of the text, by id. */
function manifest(policies: Record<string, string>): string {
  const pairs = Object.keys(policies)
    .toSorted()
    .map((id) => [id, sha256(policies[id] ?? '')]);
  return sha256(JSON.stringify(pairs));
}

const state = () =>
  rows(
    replica.databaseUrl,
    `SELECT (SELECT count(*) FROM audit_events) AS events, (SELECT count(*) FROM policies) AS policies,
            (SELECT count(*) FROM zones) AS zones`,
  );

const large = (size: number) => `// ${'x'.repeat(size)}\n${PERMIT_ALL}`;

describe('a simulation', () => {
  test('allows what a policy permits', async () => {
    const answer = await simulate({ reading: `@reason("because") ${PERMIT_ALL}` });
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({
      policy_set_id: null,
      version_id: null,
      manifest_sha256: manifest({ reading: `@reason("because") ${PERMIT_ALL}` }),
      result: {
        decision: 'allow',
        evaluation_status: 'complete',
        determining_policies: [{ policy: 'all', effect: 'permit', reason: 'because' }],
        diagnostics: [],
      },
    });
  });

  test('says back which set it was asked about', async () => {
    const policies = { b: PERMIT_ALL, a: FORBID };
    const named = { policy_set_id: 'a set', version_id: 'v1', manifest_sha256: manifest(policies) };
    expect((await simulate(policies, named)).body).toMatchObject(named);
  });

  test.each([
    ['nothing', {}, []],
    ['nothing that fits', { p: 'permit (principal == User::"x", action, resource);' }, []],
    ['a permit and a forbid', { p: PERMIT_ALL, f: FORBID }, [{ policy: 'f', effect: 'forbid' }]],
  ])('denies with %s', async (_case, policies, determining) => {
    expect((await simulate(policies)).body).toMatchObject({
      result: {
        decision: 'deny',
        evaluation_status: 'complete',
        determining_policies: determining,
        diagnostics: [],
      },
    });
  });

  test('shows a step-up that would be needed, and lifts it once it is resolved', async () => {
    const policies = { p: PERMIT_ALL, s: `@step_up("mfa") ${FORBID}` };
    expect((await simulate(policies)).body).toMatchObject({
      result: {
        decision: 'deny',
        determining_policies: [{ policy: 's', effect: 'forbid' }],
        diagnostics: [{ step_up_required: 'mfa' }],
      },
    });
    const context = { ...INPUT.context, challenge_resolved: true };
    expect((await simulate(policies, {}, { context })).body).toMatchObject({
      result: { decision: 'allow', diagnostics: [] },
    });
  });

  test('sees all of the input', async () => {
    const input = {
      session: { id: 'session-1' },
      delegation_edge: {
        id: 'edge-1',
        source_session_id: 's',
        target_session_id: 't',
        issuer_application_id: 'i',
        receiver_application_id: 'r',
        resource_id: 'x',
        scopes: ['a:read'],
        path: ['edge-0', 'edge-1'],
        graph_epoch: 7,
        constraints_json: { max: 3 },
      },
      context: {
        actor_claims: { act: { sub: 'actor-1' } },
        subject_claims: { sub: 'subject-1' },
        requested_scopes: ['a:read'],
        challenge_resolved: false,
        trace_id: 'trace-1',
        session_id: 'session-1',
        agent_session_id: 'agent-1',
        delegation_edge_id: 'edge-1',
      },
    };
    const condition = `principal.labels.contains("blue") && principal.zone_id == "${INPUT.principal.zone_id}"
      && resource.id == "${INPUT.resource.id}" && resource.scopes.contains("a:read")
      && context.requested_scopes == ["a:read"] && context.session.id == "session-1"
      && context.delegation_edge.graph_epoch == 7 && context.delegation_edge.constraints_json.max == 3
      && context.actor_claims.act.sub == "actor-1" && context.subject_claims.sub == "subject-1"
      && context.trace_id == "trace-1" && context.agent_session_id == "agent-1"`;
    const policy = `permit (principal == Application::"${CLIENT}", action == Action::"TokenExchange",
      resource == Resource::"resource://a") when { ${condition} };`;
    expect((await simulate({ policy }, {}, input)).body).toMatchObject({
      result: { decision: 'allow' },
    });
    const without = { ...input, session: undefined };
    expect((await simulate({ policy }, {}, without)).body).toMatchObject({
      result: { decision: 'deny', evaluation_status: 'error', diagnostics: [{ policy: 'policy' }] },
    });
  });

  test('writes nothing', async () => {
    const before = await state();
    await simulate({ p: PERMIT_ALL });
    await simulate({ p: 'no' });
    expect(await state()).toEqual(before);
  });
});

describe('a simulation is refused', () => {
  test('with 422 and positions if the bundle does not compile', async () => {
    const answer = await simulate({ good: PERMIT_ALL, bad: 'permit (principal,\naction, );' });
    expect(answer.status).toBe(422);
    expect(answer.body).toMatchObject({
      error: 'unprocessable',
      errors: [{ policy: 'bad', message: expect.any(String), line: 2, column: expect.any(Number) }],
    });
  });

  test('with 422 if the manifest is another', async () => {
    for (const claimed of ['', 'x', manifest({ p: FORBID })]) {
      const answer = await simulate({ p: PERMIT_ALL }, { manifest_sha256: claimed });
      expect(answer.status).toBe(422);
    }
  });

  test('with 422 if one policy is too large, 413 if the body is', async () => {
    expect((await simulate({ p: large(256 * 1_024) })).status).toBe(422);
    expect((await simulate({ p: large(1_024 * 1_024) })).status).toBe(413);
  });

  const cases: readonly (readonly [string, object])[] = [
    ['no policies', { policies: undefined }],
    ['policies that are no list', { policies: { id: 'p', content: PERMIT_ALL } }],
    ['a policy of null', { policies: [null] }],
    ['a policy that is a list', { policies: [[]] }],
    ['a policy without an id', { policies: [{ content: PERMIT_ALL }] }],
    ['a policy with more', { policies: [{ id: 'p', content: PERMIT_ALL, zone_id: 'x' }] }],
    [
      '1,001 policies',
      { policies: Array.from({ length: 1_001 }, (_, n) => ({ id: `${n}`, content: '' })) },
    ],
    ['no input', { input: undefined }],
    ['an input of null', { input: null }],
    ['an input that is a list', { input: [INPUT] }],
    ['an unknown member', { zone_id: randomUUID() }],
    ['a manifest of null', { manifest_sha256: null }],
  ];
  test.each(cases)('with 400 for %s', async (_case, turned) => {
    const answer = await simulate({ p: PERMIT_ALL }, turned);
    expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_request' } });
  });

  const { principal, resource, context } = INPUT;
  const inputs: readonly (readonly [string, object])[] = [
    ['no principal', { principal: undefined }],
    ['a principal of null', { principal: null }],
    ['another principal type', { principal: { ...principal, type: 'Group' } }],
    ['a principal without a zone', { principal: { ...principal, zone_id: undefined } }],
    ['a principal with more', { principal: { ...principal, admin: true } }],
    ['labels of numbers', { principal: { ...principal, labels: [1] } }],
    ['another resource type', { resource: { ...resource, type: 'File' } }],
    ['scopes that are a text', { resource: { ...resource, scopes: 'a:read' } }],
    ['another action', { action: { id: 'Read' } }],
    ['an action that is a text', { action: 'TokenExchange' }],
    ['a session that is a text', { session: 'x' }],
    ['half a delegation', { delegation_edge: { id: 'x' } }],
    ['no requested scopes', { context: { ...context, requested_scopes: undefined } }],
    ['claims that are a list', { context: { ...context, actor_claims: [] } }],
    ['a challenge resolved as text', { context: { ...context, challenge_resolved: 'true' } }],
    ['a context with more', { context: { ...context, now: 1 } }],
    [
      'a claim that every object has',
      { context: { ...context, actor_claims: { constructor: 1 } } },
    ],
    ['an unknown member of the input', { time: 1 }],
  ];
  test.each(inputs)('with 400 for %s', async (_case, input) => {
    const answer = await simulate({ p: PERMIT_ALL }, {}, input);
    expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_request' } });
  });
});
