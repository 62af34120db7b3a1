import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { captured } from '../../src/cli/captured.fixture.js';
import type { Explanation } from '../../src/admin/explanations/explanation.js';
import { APPROVE_WRITES, heldIn, settle } from '../setup/challenges.js';
import { borrowReplica, withClient, type Replica } from '../setup/harness.js';
import { newOperator, type TestOperator } from '../setup/operators.js';
import { persistently } from '../setup/patience.js';
import { DENY_ALL, recordedPolicy } from '../setup/policies.js';
import { withoutTriggers } from '../setup/without-triggers.js';
import {
  ACCESS_TOKEN,
  callAdmin,
  createTestZone,
  PERMIT_ALL,
  type TestZone,
} from '../setup/zone.js';

let replica: Replica;
let zone: TestZone;

beforeAll(async () => {
  replica = await borrowReplica();
  zone = await createTestZone(replica);
});

afterAll(async () => {
  await replica?.stop();
});

const asked = async (requestId: string, query = '') => {
  const { status, body } = await persistently(() =>
    callAdmin(replica, 'GET', `/decisions/${requestId}/explanation${query}`),
  );
  return { status, body, items: (body['items'] ?? []) as unknown as Explanation[] };
};

/** The explanation of a request of which there is one event. */
const explain = async ({ requestId }: { readonly requestId: string }): Promise<Explanation> => {
  const { status, items } = await asked(requestId);
  expect([status, items.length]).toEqual([200, 1]);
  const [explanation] = items;
  if (explanation === undefined) throw new Error('nothing is explained');
  const [row] = await zone.audit(requestId);
  expect(explanation).toMatchObject({ event_id: row?.event['id'], outcome: row?.outcome });
  return explanation;
};

const stateOf = ({ stages }: Explanation, name: string) =>
  stages.find(({ stage }) => stage === name)?.state;

describe('a request that was granted', () => {
  test('is told with each stage, the line that permitted it, and what came of it', async () => {
    const text = `// The first line.\n\n@reason("daily work") @max_ttl("300")\n${PERMIT_ALL}`;
    await zone.activate(text);
    const answer = await zone.session();
    expect(answer.status).toBe(200);
    const explanation = await explain(answer);
    expect(explanation.summary).toMatch(
      /^The client ".*" \(.*\) asked for a:read on resource:\/\/a: issued, for 5 minutes\.$/,
    );
    expect(explanation.stages.map(({ stage, state }) => `${stage} ${state}`)).toEqual([
      'parse passed',
      'authenticate passed',
      'resolve not_needed',
      'bind passed',
      'delegate not_needed',
      'target passed',
      'authorize passed',
      'clear not_needed',
      'mint passed',
      'record passed',
    ]);
    expect(explanation.decisions).toMatchObject([
      {
        resource: zone.resource,
        decision: 'allow',
        determined_by: [
          {
            policy: 'all',
            effect: 'permit',
            reason: 'daily work',
            version: 1,
            line: 3,
            last_line: 4,
          },
        ],
      },
    ]);
    expect(explanation.narrowed.join(' ')).toContain('lets it live 5 minutes at most');
    expect(explanation.result).toContainEqual({ name: 'scopes', value: 'a:read' });
    expect(explanation.would_pass).toEqual([]);
  });

  test('has neither the token nor the secret in it', async () => {
    await zone.activate(PERMIT_ALL);
    const session = await zone.session();
    const token = String(session.body['access_token']);
    const answer = await zone.exchange({ subject_token: token });
    expect(answer.status).toBe(200);
    const { body } = await asked(answer.requestId);
    const text = JSON.stringify(body);
    for (const secret of [token, String(answer.body['access_token']), zone.secret]) {
      expect(text).not.toContain(secret);
    }
    expect(stateOf(await explain(answer), 'resolve')).toBe('passed');
  });
});

describe('a request that was denied', () => {
  test('by a forbid: which one, where it stands, and that it wins', async () => {
    await zone.activate(
      `${PERMIT_ALL}\n@id("night") @reason("not now")\nforbid (principal, action, resource);`,
    );
    const explanation = await explain(await zone.session());
    expect(explanation).toMatchObject({ outcome: 'denied', error: 'access_denied' });
    expect([stateOf(explanation, 'authorize'), stateOf(explanation, 'mint')]).toEqual([
      'refused',
      'not_reached',
    ]);
    expect(explanation.decisions[0]).toMatchObject({
      determined_by: [
        { policy: 'night', reason: 'not now', line: 2, text: expect.stringContaining('forbid') },
      ],
    });
    expect(explanation.would_pass).toMatchObject([
      { of: 'policy', policies: [{ policy: 'night' }] },
    ]);
  });

  test('because nothing permits it: what could, and what of it would have been permitted', async () => {
    await zone.activate(
      `@id("reads") permit (principal, action == Action::"TokenExchange", resource)
       unless { context.requested_scopes.contains("a:write") };
       @id("of another") permit (principal == Application::"${randomUUID()}", action, resource);`,
    );
    const explanation = await explain(await zone.session({ scope: 'a:read a:write' }));
    expect(explanation.decisions[0]).toMatchObject({ decision: 'deny', determined_by: [] });
    expect(explanation.would_pass).toMatchObject([
      { of: 'request', tried: true, text: 'Asked without the scope a:write, policy permits it.' },
      { of: 'request', tried: true, text: 'Asked for no scope, policy permits it.' },
      { of: 'policy', tried: false, policies: [{ policy: 'reads', line: 1 }] },
    ]);
  });

  test.each([
    [{ scope: 'a:read a:admin' }, 'authorize', 'resource', 'a:admin'],
    [
      { resource: 'resource://unknown' },
      'authorize',
      'resource',
      'Register the resource resource://unknown',
    ],
    [{ client_secret: 'wrong' }, 'authenticate', 'caller', 'one of the secrets'],
    // What a caller names is no reason of ours.
    [{ resource: 'resource://challenge' }, 'authorize', 'resource', 'Register'],
    [{ resource: undefined }, 'target', 'request', 'Name a resource'],
  ])('as in %j: at %s, and what would have let it pass', async (turned, stage, of, words) => {
    await zone.activate(PERMIT_ALL);
    const answer = await zone.session(turned);
    const explanation = await explain(answer);
    expect(explanation.would_pass).toEqual([
      { of, tried: false, text: expect.stringContaining(words) },
    ]);
    expect(stateOf(explanation, stage)).toBe('refused');
    expect((await zone.audit(answer.requestId))[0]?.event).toMatchObject({ stage });
  });

  test.each([
    [{ subject_token: 'x', subject_token_type: ACCESS_TOKEN }, 'resolve'],
    [{ session_id: '0192f0c1-0000-7000-8000-00000000000a' }, 'bind'],
    [{ agent_session_id: '0192f0c1-0000-7000-8000-00000000000a' }, 'delegate'],
    [{ ttl_seconds: '901' }, 'mint'],
  ])('as in %j: at %s, which is recorded', async (turned, stage) => {
    await zone.activate(PERMIT_ALL);
    const answer = await zone.exchange(turned);
    const [row] = await zone.audit(answer.requestId);
    expect(row?.event).toMatchObject({ outcome: 'denied', stage });
    expect(stateOf(await explain(answer), stage)).toBe('refused');
  });

  test('for a scope that its subject token does not have: that this is the one', async () => {
    await zone.activate(PERMIT_ALL);
    const explanation = await explain(await zone.exchange({ scope: 'a:write' }));
    expect(explanation).toMatchObject({ error: 'invalid_scope' });
    expect(explanation.would_pass).toMatchObject([
      { of: 'caller', text: expect.stringContaining('subject token that has the scope a:write') },
    ]);
  });

  test('for a life beyond what there is, after policy has permitted it', async () => {
    await zone.activate(PERMIT_ALL);
    const explanation = await explain(await zone.exchange({ ttl_seconds: '3600' }));
    expect([stateOf(explanation, 'authorize'), stateOf(explanation, 'mint')]).toEqual([
      'passed',
      'refused',
    ]);
    expect(explanation.would_pass).toMatchObject([{ of: 'request' }]);
  });

  test('because its zone has no policy', async () => {
    const { body } = await callAdmin(replica, 'POST', '/zones', { name: `zone ${randomUUID()}` });
    const path = `/zones/${String(body['id'])}`;
    await callAdmin(replica, 'POST', `${path}/resources`, {
      identifier: zone.resource,
      scopes: ['a:read'],
    });
    const made = await callAdmin(replica, 'POST', `${path}/clients`, { name: 'bare' });
    const { client_id, client_secret } = made.body as Record<string, string>;
    const explanation = await explain(await zone.session({ client_id, client_secret }));
    expect(explanation).toMatchObject({ error: 'access_denied', decisions: [] });
    expect(stateOf(explanation, 'authorize')).toBe('refused');
    expect(explanation.would_pass).toMatchObject([
      { of: 'policy', text: expect.stringContaining('Activate a policy set') },
    ]);
  });
});

test('a request that was held: what it takes, who confirmed it, and that it is spent', async () => {
  await zone.activate(APPROVE_WRITES);
  const held = heldIn(await zone.session({ scope: 'a:write' }));
  const before = await explain(held);
  expect(before.summary).toContain('held until it is confirmed');
  expect([stateOf(before, 'clear'), stateOf(before, 'mint')]).toEqual(['refused', 'not_reached']);
  expect(before.decisions[0]).toMatchObject({
    decision: 'step_up',
    determined_by: [{ policy: 'confirm' }],
  });
  expect(before.would_pass).toMatchObject([
    { of: 'challenge', text: expect.stringContaining(`Have the challenge ${held.id}`) },
  ]);
  await settle(zone, held.id);
  expect((await explain(held)).would_pass).toMatchObject([
    { text: expect.stringContaining('is confirmed by now') },
  ]);
  const redeemed = await zone.session({ scope: 'a:write', ...held.response });
  expect(redeemed.status).toBe(200);
  const after = await explain(redeemed);
  expect(stateOf(after, 'clear')).toBe('passed');
  expect(after.result).toContainEqual({
    name: 'decided by',
    value: expect.stringMatching(/approved it by /),
  });
  expect(JSON.stringify(after)).not.toContain(held.response.challenge_response);
});

test('a set that is not what was recorded any more explains nothing wrongly', async () => {
  await zone.activate(`${PERMIT_ALL} ${DENY_ALL}`);
  const answer = await zone.session();
  const policy = await recordedPolicy(replica, answer.requestId);
  await withClient(replica.databaseUrl, async (db) => {
    await db.query('BEGIN');
    await withoutTriggers(db);
    await db.query(
      `UPDATE policy_versions SET content = 'permit (principal, action, resource);'
        WHERE id IN (SELECT policy_version_id FROM policy_set_members WHERE policy_set_version_id = $1)`,
      [policy.policy_set_version_id],
    );
    await db.query('COMMIT');
  });
  const explanation = await explain(answer);
  const [decided] = explanation.decisions[0]?.determined_by ?? [];
  expect(decided).toEqual({ policy: 'no', effect: 'forbid' });
  await zone.activate(PERMIT_ALL);
});

describe("an operator's change", () => {
  let owner: TestOperator;

  beforeAll(async () => {
    owner = await newOperator(replica, { role: 'owner' });
  });

  const rename = async () => {
    const made = await owner.call('POST', `/zones/${zone.zoneId}/clients`, {
      name: `client ${randomUUID()}`,
    });
    const name = `renamed ${randomUUID()}`;
    const path = `/zones/${zone.zoneId}/clients/${String(made.body['id'])}`;
    const changed = await owner.call('PATCH', path, { name });
    expect(changed.status).toBe(200);
    return { ...changed, name };
  };

  test('is told with who made it, by which key, and what is different', async () => {
    const { requestId, name } = await rename();
    const { items } = await asked(requestId);
    expect(items).toMatchObject([
      {
        type: 'admin.client.changed',
        summary: `The operator ${owner.name}: admin.client.changed (done).`,
        stages: [],
        would_pass: [],
      },
    ]);
    expect(items[0]?.asked).toContainEqual({ name: 'about', value: name });
    expect(items[0]?.asked).toContainEqual({ name: 'by key', value: owner.keyId });
    expect(items[0]?.changes).toContainEqual(
      expect.objectContaining({ member: 'name', after: name }),
    );
    expect(items[0]?.changes.map(({ member }) => member)).not.toContain('id');
  });

  test('is not shown to who may not read the audit log, nor to who may not see its zone', async () => {
    const { requestId } = await rename();
    const support = await newOperator(replica, { role: 'support' });
    const elsewhere = await newOperator(replica, {
      role: 'auditor',
      zones: [(await createTestZone(replica)).zoneId],
    });
    const path = `/decisions/${requestId}/explanation`;
    expect((await owner.call('GET', path)).status).toBe(200);
    expect((await support.call('GET', path)).status).toBe(404);
    expect((await elsewhere.call('GET', path)).status).toBe(404);
    const session = await zone.session();
    const ofSession = `/decisions/${session.requestId}/explanation`;
    expect((await support.call('GET', ofSession)).status).toBe(200);
    expect((await elsewhere.call('GET', ofSession)).status).toBe(404);
  });
});

test.each(['?limit=0', '?limit=501', '?after=x', '?what=1'])('refuses %s', async (query) => {
  const { requestId } = await zone.session();
  const { status } = await asked(requestId, query);
  expect(status).toBe(400);
});

test('of a label that many requests have it explains some at a time', async () => {
  const label = `label-${randomUUID()}`;
  for (let i = 0; i < 3; i += 1)
    await persistently(() => zone.session({}, { 'x-request-id': label }));
  const first = await asked(label, '?limit=2');
  expect(first.items).toHaveLength(2);
  const rest = await asked(label, `?limit=2&after=${String(first.body['next'])}`);
  expect(rest.items).toHaveLength(1);
  expect((await asked(randomUUID())).status).toBe(404);
  expect((await asked('a%00b')).status).toBeGreaterThanOrEqual(400);
});

test('mandate explain tells it in words, and as data', async () => {
  await zone.activate(`${PERMIT_ALL}\n${DENY_ALL}`);
  const { requestId } = await zone.session();
  const settings = { url: replica.url, token: replica.adminToken };
  const said = await captured(['explain', requestId], { settings, width: 80 });
  expect(said).toMatchObject({ code: 0, err: '' });
  for (const words of [
    'What was asked',
    'x  authorize',
    'forbids resource://a',
    '2 | @id("no") forbid (principal, action, resource);',
    'What would have let it pass',
  ]) {
    expect(said.out).toContain(words);
  }
  const data = await captured(['explain', requestId, '--json'], { settings });
  expect(JSON.parse(data.out)).toMatchObject({ error: 'access_denied' });
  const unknown = await captured(['explain', randomUUID()], { settings });
  expect(unknown.code).toBe(5);
});
