import { beforeAll, describe, expect, test } from 'vitest';
import { applicationOf, type TestApplication } from '../setup/agents.js';
import { auditOf, rows, sharedReplica, type Replica } from '../setup/harness.js';
import { callAdmin, createTestZone, type Answer, type TestZone } from '../setup/zone.js';

const ID = '00000000-0000-7000-8000-000000000000';

let replica: Replica;
let zone: TestZone;
let a: TestApplication;
let b: TestApplication;
let c: TestApplication;

beforeAll(async () => {
  replica = await sharedReplica();
  zone = await createTestZone(replica);
  a = await applicationOf(zone, zone);
  b = await applicationOf(zone);
  c = await applicationOf(zone);
});
/** Delegates and says what came of it. */
function ask(app: TestApplication, source: string, target: string, body: object = {}) {
  return app.call('POST', '/delegations', {
    source_session_id: source,
    target_session_id: target,
    scopes: ['shared'],
    ...body,
  });
}

function outcome({ status, body }: Answer): unknown[] {
  return status < 300 ? [status] : [status, body['error']];
}

/** An accepted delegation from A to a session of B. */
async function fromAToB(body: object = {}) {
  const [source, target] = [await a.open(), await b.open()];
  const edge = await a.delegate(source, target, body);
  await b.accept(edge);
  return { source, target, edge };
}

describe('making', () => {
  test('to a session of the same application counts at once', async () => {
    const [source, target] = [await a.open(), await a.open()];
    const answer = await ask(a, source, target, {
      resource: zone.resource,
      constraints: { ttl_seconds: 60, max_hops: 3, budget: 5, policy_approved: true },
      expires_in: 600,
    });
    expect(answer.status).toBe(201);
    expect(answer.headers.get('location')).toBe(`/delegations/${String(answer.body['id'])}`);
    expect(answer.body).toEqual({
      id: expect.any(String),
      state: 'accepted',
      source_session_id: source,
      target_session_id: target,
      issuer_application_id: a.clientId,
      receiver_application_id: a.clientId,
      parent_edge_id: null,
      path: [source, target],
      hop_count: 1,
      scopes: ['shared'],
      resource: zone.resource,
      constraints: {
        resources: [zone.resource],
        ttl_seconds: 60,
        max_hops: 3,
        budget: 5,
        policy_approved: true,
        expires_at: expect.any(String),
      },
      remaining_budget: 5,
      version: 1,
      created_at: expect.any(String),
      accepted_at: expect.any(String),
      revoked_at: null,
      expires_at: expect.any(String),
    });
    expect(await auditOf(replica.databaseUrl, answer.requestId)).toMatchObject([
      {
        outcome: 'done',
        client_id: a.clientId,
        event: { type: 'delegation.created', delegation: { id: answer.body['id'] } },
      },
    ]);
  });

  test('to another application waits until that accepts', async () => {
    const [source, target] = [await a.open(), await b.open()];
    const made = await ask(a, source, target);
    expect(made.body).toMatchObject({ state: 'pending', accepted_at: null });
    const path = `/delegations/${String(made.body['id'])}`;
    // Neither the issuer nor a stranger can accept it.
    expect((await a.call('POST', `${path}/accept`)).status).toBe(404);
    expect((await c.call('POST', `${path}/accept`)).status).toBe(404);
    const accepted = await b.call('POST', `${path}/accept`);
    expect(accepted.status).toBe(200);
    expect(accepted.body).toMatchObject({ state: 'accepted', version: 2 });
    expect(await auditOf(replica.databaseUrl, accepted.requestId)).toMatchObject([
      { outcome: 'done', client_id: b.clientId, event: { type: 'delegation.accepted' } },
    ]);
    expect((await b.call('POST', `${path}/accept`)).status).toBe(200);
  });

  test('refuses sessions that are not there, not its own, or ended, all in the same words', async () => {
    const [own, foreign, ended] = [await a.open(), await b.open(), await a.open()];
    await a.call('DELETE', `/agent-sessions/${ended}`);
    const refusals = [
      await ask(a, foreign, own),
      await ask(a, ended, foreign),
      await ask(a, ID, foreign),
      await ask(a, own, ended),
      await ask(a, own, ID),
    ];
    for (const answer of refusals) {
      expect(answer.body).toEqual({
        error: 'invalid_grant',
        error_description: 'the agent session is not usable',
        requestId: answer.requestId,
      });
      expect(answer.status).toBe(400);
    }
  });

  test('refuses sessions of another zone', async () => {
    const elsewhere = await createTestZone(replica);
    const stranger = await applicationOf(elsewhere, elsewhere);
    const theirs = await stranger.open();
    expect(outcome(await ask(a, await a.open(), theirs))).toEqual([400, 'invalid_grant']);
  });

  test.each([
    ['scopes beyond the mandate', { scopes: ['shared', 'a:write'] }, 'invalid_scope'],
    ['a resource beyond the mandate', { resource: 'resource://c' }, 'invalid_target'],
    [
      'resources beyond the mandate',
      { constraints: { resources: ['resource://c'] } },
      'invalid_target',
    ],
    [
      'a resource that is not among the listed ones',
      { resource: 'resource://a', constraints: { resources: ['resource://b'] } },
      'invalid_target',
    ],
    [
      'an end that has passed',
      { constraints: { expires_at: '2020-01-01T00:00:00Z' } },
      'invalid_request',
    ],
    [
      'an end too far away',
      { constraints: { expires_at: '2099-01-01T00:00:00Z' } },
      'invalid_request',
    ],
    ['a malformed scope', { scopes: ['a b'] }, 'invalid_request'],
    ['a scope twice', { scopes: ['shared', 'shared'] }, 'invalid_request'],
    ['no budget', { constraints: { budget: 0 } }, 'invalid_request'],
    ['a budget below nothing', { constraints: { budget: -1 } }, 'invalid_request'],
    ['no hops', { constraints: { max_hops: 0 } }, 'invalid_request'],
    ['more hops than there can be', { constraints: { max_hops: 11 } }, 'invalid_request'],
    ['an unknown constraint', { constraints: { colour: 'red' } }, 'invalid_request'],
    ['constraints that are a list', { constraints: [] }, 'invalid_request'],
    ['a state', { accepted_at: '2020-01-01T00:00:00Z' }, 'invalid_request'],
    ['a lifetime of nothing', { expires_in: 0 }, 'invalid_request'],
  ])('refuses %s', async (_name, body, error) => {
    const [source, target] = [await a.open(), await a.open()];
    expect(outcome(await ask(a, source, target, body))).toEqual([400, error]);
  });
});

describe('handing on', () => {
  test('gives a subset with what it was given, and the whole way', async () => {
    const { source, target, edge } = await fromAToB({ constraints: { ttl_seconds: 60 } });
    const last = await c.open();
    const child = await ask(b, target, last);
    expect(child.body).toMatchObject({
      parent_edge_id: edge,
      path: [source, target, last],
      hop_count: 2,
      constraints: { ttl_seconds: 60, max_hops: 10 },
    });
  });

  const CAPS = {
    constraints: { ttl_seconds: 60, max_hops: 2, budget: 5, policy_approved: true },
    resource: 'resource://a',
    expires_in: 600,
  };
  test.each([
    ['more scopes', { scopes: ['shared', 'a:read'] }, 'invalid_scope'],
    ['another resource', { resource: 'resource://b' }, 'invalid_target'],
    ['a longer life for mandates', { constraints: { ttl_seconds: 61 } }, 'invalid_request'],
    ['more hops', { constraints: { max_hops: 3 } }, 'invalid_request'],
    ['a larger budget', { constraints: { budget: 6 } }, 'invalid_request'],
    ['a longer life', { expires_in: 601 }, 'invalid_request'],
  ])('refuses %s', async (_name, body, error) => {
    const { target } = await fromAToB(CAPS);
    expect(outcome(await ask(b, target, await b.open(), body))).toEqual([400, error]);
  });

  test('takes the very same', async () => {
    const { target } = await fromAToB(CAPS);
    const child = await ask(b, target, await b.open(), CAPS);
    expect(child.status).toBe(201);
    expect(child.body['constraints']).toMatchObject(CAPS.constraints);
  });

  test('counts a life from the moment that it says it began', async () => {
    const made = await ask(a, await a.open(), await b.open(), CAPS);
    const [from, to] = [made.body['created_at'], made.body['expires_at']];
    expect(Date.parse(String(to)) - Date.parse(String(from))).toBe(CAPS.expires_in * 1_000);
  });

  test('keeps what it was confined by, though it does not say so', async () => {
    const { target } = await fromAToB(CAPS);
    const child = await ask(b, target, await b.open(), { constraints: { policy_approved: false } });
    expect(child.body).toMatchObject({
      constraints: { ...CAPS.constraints, resources: ['resource://a'] },
      remaining_budget: 5,
    });
  });

  test('goes no further than max_hops', async () => {
    const { target } = await fromAToB({ constraints: { max_hops: 2 } });
    const second = await b.open();
    expect(outcome(await ask(b, target, second))).toEqual([201]);
    expect(outcome(await ask(b, second, await b.open()))).toEqual([400, 'invalid_grant']);
  });

  test('goes no further than ten hops', async () => {
    let source = await a.open();
    for (let hop = 1; hop <= 10; hop += 1) {
      // oxlint-disable-next-line no-await-in-loop
      const target = await a.open();
      // oxlint-disable-next-line no-await-in-loop
      await a.delegate(source, target);
      source = target;
    }
    expect(outcome(await ask(a, source, await a.open()))).toEqual([400, 'invalid_grant']);
  });

  test('goes in no circle, however it is made', async () => {
    const [one, two] = [await a.open(), await b.open()];
    expect(outcome(await ask(a, one, one))).toEqual([400, 'invalid_grant']);
    // Both ask before either is accepted: the second one that is accepted closes the circle.
    const there = await a.delegate(one, two);
    const back = await b.delegate(two, one);
    await b.accept(there);
    expect(outcome(await a.call('POST', `/delegations/${back}/accept`))).toEqual([
      400,
      'invalid_grant',
    ]);
    expect(outcome(await ask(b, two, one))).toEqual([400, 'invalid_grant']);
    // A session is below its parent, so it cannot be above it as well.
    const child = await a.open({ parent_id: one });
    expect(outcome(await ask(a, child, one))).toEqual([400, 'invalid_grant']);
  });

  test('has to say what it hands on where several delegations lead', async () => {
    const { target, edge } = await fromAToB();
    const other = await a.delegate(await a.open(), target);
    await b.accept(other);
    const next = await b.open();
    expect(outcome(await ask(b, target, next))).toEqual([400, 'invalid_grant']);
    expect((await ask(b, target, next, { parent_edge_id: edge })).body['parent_edge_id']).toBe(
      edge,
    );
    expect((await ask(b, target, next, { parent_edge_id: other })).body['parent_edge_id']).toBe(
      other,
    );
    // Not one that leads elsewhere.
    const elsewhere = await fromAToB();
    expect(outcome(await ask(b, target, next, { parent_edge_id: elsewhere.edge }))).toEqual([
      400,
      'invalid_grant',
    ]);
  });

  test('cannot begin anew once something has been delegated to the source', async () => {
    const { target, edge } = await fromAToB();
    await a.call('DELETE', `/delegations/${edge}`);
    expect(outcome(await ask(b, target, await b.open()))).toEqual([400, 'invalid_grant']);
  });

  test('does not count if something was delegated to the source before it was accepted', async () => {
    const [source, target] = [await b.open(), await c.open()];
    const pending = await b.delegate(source, target, { scopes: ['shared'] });
    await b.accept(await a.delegate(await a.open(), source, { scopes: [] }));
    expect(outcome(await c.call('POST', `/delegations/${pending}/accept`))).toEqual([
      400,
      'invalid_grant',
    ]);
  });
});

describe('a session below one that was delegated to', () => {
  test('is confined as that is', async () => {
    const { target, edge } = await fromAToB({ scopes: [] });
    const child = await b.open({ parent_id: target });
    expect((await b.call('GET', `/agent-sessions/${child}`)).body['delegation_edge_id']).toBe(edge);
    expect(outcome(await ask(b, child, await b.open()))).toEqual([400, 'invalid_scope']);
    const answer = await ask(b, child, await b.open(), { scopes: [] });
    expect(answer.body).toMatchObject({ parent_edge_id: edge, hop_count: 2 });
    expect((answer.body['path'] as string[]).slice(1, 3)).toEqual([target, child]);
  });

  test('is so if it was opened before', async () => {
    const [source, target] = [await a.open(), await b.open()];
    const child = await b.open({ parent_id: await b.open({ parent_id: target }) });
    await b.accept(await a.delegate(source, target, { scopes: [] }));
    expect(outcome(await ask(b, child, await b.open()))).toEqual([400, 'invalid_scope']);
  });

  test('cannot be reached by a way around', async () => {
    const { target } = await fromAToB({ scopes: [] });
    const child = await b.open({ parent_id: target });
    expect(outcome(await ask(b, await b.open(), child))).toEqual([400, 'invalid_grant']);
    expect(outcome(await ask(b, target, child, { scopes: [] }))).toEqual([201]);
  });
});

describe('seeing and revoking', () => {
  test('is for those who have a part in it', async () => {
    const { edge } = await fromAToB();
    const path = `/delegations/${edge}`;
    expect((await a.call('GET', path)).status).toBe(200);
    expect((await b.call('GET', path)).body).toMatchObject({ id: edge, state: 'accepted' });
    for (const [method, at] of [
      ['GET', path],
      ['DELETE', path],
      ['POST', `${path}/accept`],
      ['GET', `/delegations/${ID}`],
      ['GET', '/delegations/x'],
    ] as const) {
      // oxlint-disable-next-line no-await-in-loop
      const answer = await c.call(method, at);
      expect([answer.status, answer.body['error_description']]).toEqual([
        404,
        'no such delegation',
      ]);
    }
  });

  test('is final', async () => {
    const { edge } = await fromAToB();
    const revoked = await a.call('DELETE', `/delegations/${edge}`);
    expect(revoked.status).toBe(204);
    expect(await auditOf(replica.databaseUrl, revoked.requestId)).toMatchObject([
      { outcome: 'done', event: { type: 'delegation.revoked', delegation: { id: edge } } },
    ]);
    const again = await a.call('DELETE', `/delegations/${edge}`);
    expect([again.status, await auditOf(replica.databaseUrl, again.requestId)]).toEqual([204, []]);
    expect((await b.call('GET', `/delegations/${edge}`)).body).toMatchObject({
      state: 'revoked',
      version: 3,
    });
    expect(outcome(await b.call('POST', `/delegations/${edge}/accept`))).toEqual([
      400,
      'invalid_grant',
    ]);
  });

  test('the receiver may decline', async () => {
    const edge = await a.delegate(await a.open(), await b.open());
    expect((await b.call('DELETE', `/delegations/${edge}`)).status).toBe(204);
    expect((await a.call('GET', `/delegations/${edge}`)).body['state']).toBe('revoked');
  });

  test('operators see all and revoke what they want', async () => {
    const { edge } = await fromAToB();
    const list = await zone.admin('GET', '/delegations?limit=500');
    expect((list['items'] as { id: string }[]).map(({ id }) => id)).toContain(edge);
    await zone.admin('DELETE', `/delegations/${edge}`);
    expect(await zone.admin('GET', `/delegations/${edge}`)).toMatchObject({ state: 'revoked' });
    const elsewhere = await createTestZone(replica);
    const path = `/zones/${elsewhere.zoneId}/delegations`;
    expect((await callAdmin(replica, 'GET', `${path}/${edge}`)).status).toBe(404);
    expect((await callAdmin(replica, 'DELETE', `${path}/${edge}`)).status).toBe(404);
  });
});

test('many who delegate at once do not get in each other’s way, and each change counts', async () => {
  const source = await a.open();
  const token = await a.bearer();
  const targets = await Promise.all(Array.from({ length: 12 }, () => a.open()));
  const [before] = await epochs();
  const answers = await Promise.all(
    targets.map((target) =>
      a.call(
        'POST',
        '/delegations',
        { source_session_id: source, target_session_id: target, scopes: [] },
        { token },
      ),
    ),
  );
  expect(answers.map(outcome)).toEqual(targets.map(() => [201]));
  const [after] = await epochs();
  // One for each edge, and one for each session that it confines.
  expect(Number(after?.epoch) - Number(before?.epoch)).toBe(24);
});

function epochs() {
  return rows<{ epoch: string }>(
    replica.databaseUrl,
    'SELECT epoch FROM delegation_graphs WHERE zone_id = $1',
    [zone.zoneId],
  );
}
