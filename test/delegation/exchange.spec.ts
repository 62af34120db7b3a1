import { decodeJwt } from 'jose';
import { beforeAll, describe, expect, test } from 'vitest';
import { verifyDelegationChain } from '../../src/delegation/verify-chain.js';
import { applicationOf, tokenOf, type TestApplication } from '../setup/agents.js';
import { auditOf, rows, sharedReplica, type Replica } from '../setup/harness.js';
import { persistently } from '../setup/patience.js';
import { exchangeAs } from '../setup/services.js';
import {
  ACCESS_TOKEN,
  createTestZone,
  PERMIT_ALL,
  type Answer,
  type Parameters,
  type TestZone,
} from '../setup/zone.js';

const ID = '00000000-0000-7000-8000-000000000000';

/** 100 is the full proof. */
const ROUNDS = Number(process.env['DELEGATION_ROUNDS'] ?? 8);

let a: Replica;
let b: Replica;
let zone: TestZone;
let issuer: TestApplication;
let receiver: TestApplication;

beforeAll(async () => {
  [a, b] = await Promise.all([sharedReplica(), sharedReplica('second')]);
  zone = await createTestZone(a);
  issuer = await applicationOf(zone, zone);
  receiver = await applicationOf(zone);
});

interface Chain {
  readonly source: string;
  readonly target: string;
  readonly edge: string;
}

/** An accepted delegation from the one application to the other. */
async function chain(body: object = {}, sessions: { source?: object; target?: object } = {}) {
  const source = await issuer.open(sessions.source);
  const target = await receiver.open(sessions.target);
  const edge = await issuer.delegate(source, target, body);
  await receiver.accept(edge);
  return { source, target, edge } satisfies Chain;
}

/** Uses a delegation, at B by default: changes are made at A. */
async function use(
  { target, edge }: Pick<Chain, 'target' | 'edge'>,
  parameters: Parameters = {},
  app = receiver,
): Promise<Answer> {
  const subject = 'subject_token' in parameters ? undefined : await app.bearer();
  return exchangeAs(app, b.url, subject, {
    resource: zone.resource,
    agent_session_id: target,
    delegation_edge_id: edge,
    ...parameters,
  });
}

function claimsOf(answer: Answer): Record<string, unknown> {
  return decodeJwt(tokenOf(answer));
}

function refusal({ status, body }: Answer): unknown[] {
  return status < 300 ? [status] : [status, body['error']];
}

async function expectUnusable(answer: Answer, reason: RegExp): Promise<void> {
  expect({ status: answer.status, body: answer.body }).toEqual({
    status: 400,
    body: {
      error: 'invalid_grant',
      error_description: 'the agent session or delegation is not usable',
      requestId: answer.requestId,
    },
  });
  const events = await auditOf(a.databaseUrl, answer.requestId);
  expect(events).toMatchObject([
    { outcome: 'denied', jti: null, event: { error: 'invalid_grant' } },
  ]);
  expect(events[0]?.event.reason).toMatch(reason);
}

describe('what a mandate says', () => {
  test('names the agent session that acts, and nothing of a delegation without one', async () => {
    const agent = await receiver.open();
    const claims = claimsOf(await receiver.exchange({ agent_session_id: agent }));
    expect(claims).toMatchObject({ agent_session_id: agent, use: 'resource' });
    expect(Object.keys(claims).filter((name) => /delegation|hop|_session_id/.test(name))).toEqual([
      'agent_session_id',
    ]);
    expect(verifyDelegationChain(claims)).toEqual({ valid: true, stations: [], hopCount: 0 });
  });

  test('names the delegation and the whole way', async () => {
    const first = await chain({ scopes: ['shared'] });
    const last = await issuer.open();
    const child = await receiver.open({ parent_id: first.target });
    const edge = await receiver.delegate(child, last);
    await issuer.accept(edge);
    const answer = await use({ target: last, edge }, {}, issuer);
    const claims = claimsOf(answer);
    expect(claims).toMatchObject({
      agent_session_id: last,
      delegation_edge_id: edge,
      source_session_id: child,
      target_session_id: last,
      delegation_path: [first.edge, edge],
      hop_count: 2,
      delegation_graph_epoch: expect.any(Number),
      scope: 'shared',
    });
    // Who had it, and nothing that the path says.
    expect(claims['delegation_chain']).toEqual([
      { application_id: issuer.clientId, agent_session_id: first.source },
      { application_id: receiver.clientId, agent_session_id: first.target },
      { application_id: issuer.clientId, agent_session_id: last },
    ]);
    expect(verifyDelegationChain(claims)).toMatchObject({ valid: true, hopCount: 2 });
    const [event] = await auditOf(a.databaseUrl, answer.requestId);
    expect(event?.event).toMatchObject({
      requested: { agent_session_id: last, delegation_edge_id: edge },
      mandate: {
        delegation_edge_id: edge,
        hop_count: 2,
        delegation_path: [first.edge, edge],
      },
    });
  });

  test('the epoch grows with every change to the graph', async () => {
    const one = await chain();
    const before = Number(claimsOf(await use(one))['delegation_graph_epoch']);
    expect(claimsOf(await use(one))['delegation_graph_epoch']).toBe(before);
    await issuer.open();
    expect(claimsOf(await use(one))['delegation_graph_epoch']).toBe(before + 1);
  });

  test('a session mandate is delegated in the same way, and passes it on', async () => {
    const one = await chain();
    const session = await use(one, {
      subject_token: undefined,
      subject_token_type: undefined,
      scope: 'shared',
    });
    expect(claimsOf(session)).toMatchObject({ use: 'session', delegation_edge_id: one.edge });
    // It names no agent session, and is for one all the same.
    const resource = await receiver.exchange({ subject_token: tokenOf(session) });
    expect(claimsOf(resource)).toMatchObject({
      use: 'resource',
      agent_session_id: one.target,
      delegation_edge_id: one.edge,
    });
    // It cannot be used without what it was delegated by, nor beside it.
    const beside = await receiver.open();
    await expectUnusable(
      await receiver.exchange({ subject_token: tokenOf(session), agent_session_id: beside }),
      /does not go on from/,
    );
    await zone.admin('DELETE', `/delegations/${one.edge}`);
    await expectUnusable(await receiver.exchange({ subject_token: tokenOf(session) }), /has ended/);
  });
});

describe('what is granted', () => {
  test('no more than what was delegated', async () => {
    const one = await chain({ scopes: [], resource: zone.resource });
    expect(claimsOf(await use(one))).toMatchObject({ scope: '', aud: zone.resource });
    expect(refusal(await use(one, { scope: 'shared' }))).toEqual([400, 'invalid_scope']);
    expect(refusal(await use(one, { resource: zone.otherResource }))).toEqual([
      400,
      'invalid_target',
    ]);
  });

  test('no more than what the subject token has', async () => {
    const token = await issuer.bearer({ scope: 'a:read shared', resource: zone.resource });
    const [source, target] = [await issuer.open(), await receiver.open()];
    const made = await issuer.call(
      'POST',
      '/delegations',
      { source_session_id: source, target_session_id: target, scopes: ['a:read', 'shared'] },
      { token },
    );
    const edge = String(made.body['id']);
    await receiver.accept(edge);
    // The receiver's own mandate has only `shared`.
    expect(claimsOf(await use({ target, edge }))['scope']).toBe('shared');
    expect(refusal(await use({ target, edge }, { scope: 'a:read' }))).toEqual([
      400,
      'invalid_scope',
    ]);
  });

  test('for no longer than anything that it rests on', async () => {
    const short = await chain({ constraints: { ttl_seconds: 30 } });
    const claims = claimsOf(await use(short));
    expect(Number(claims['exp']) - Number(claims['iat'])).toBe(30);
    expect(refusal(await use(short, { ttl_seconds: '31' }))).toEqual([400, 'invalid_request']);
    const soon = await chain({ expires_in: 90 });
    const agent = await chain({}, { source: { ttl_seconds: 95 } });
    for (const [one, most] of [
      [soon, 90],
      [agent, 95],
    ] as const) {
      // oxlint-disable-next-line no-await-in-loop
      const { exp, iat } = claimsOf(await use(one));
      expect(Number(exp) - Number(iat)).toBeLessThanOrEqual(most);
    }
  });

  test('as policy says, which is told of the agent and the delegation', async () => {
    const own = await createTestZone(a);
    const [from, to] = [await applicationOf(own, own), await applicationOf(own)];
    const source = await from.open();
    const target = await to.open({ lifecycle: 'service', labels: ['nightly'] });
    const edge = await from.delegate(source, target, {
      resource: own.resource,
      constraints: { policy_approved: true },
    });
    await to.accept(edge);
    await own.activate(`@id("nightly") permit (principal, action, resource) when {
      if principal has agent_session_id
      then principal.agent_session_id == "${target}" &&
        principal has lifecycle && principal.lifecycle == "service" &&
        principal has labels && principal.labels.contains("nightly") &&
        context has agent_session_id && context.agent_session_id == "${target}" &&
        context has delegation_edge_id && context.delegation_edge_id == "${edge}" &&
        context has delegation_edge && context.delegation_edge has resource_id &&
        context.delegation_edge.id == "${edge}" &&
        context.delegation_edge.issuer_application_id == "${from.clientId}" &&
        context.delegation_edge.receiver_application_id == "${to.clientId}" &&
        context.delegation_edge.source_session_id == "${source}" &&
        context.delegation_edge.path.contains("${source}") &&
        context.delegation_edge.scopes.contains("shared") &&
        context.delegation_edge.graph_epoch > 0
      else true
    };`);
    const names = { agent_session_id: target, delegation_edge_id: edge };
    const answer = await to.exchange({ ...names, resource: own.resource });
    expect(answer.status, JSON.stringify(answer.body)).toBe(200);
    const [event] = await auditOf(a.databaseUrl, answer.requestId);
    const policy = event?.event['policy'] as { decisions: { input: object }[] } | undefined;
    const input = policy?.decisions[0]?.input;
    expect(input).toMatchObject({
      delegation_edge: { constraints_json: { policy_approved: true, resources: [own.resource] } },
    });
    await own.activate(`${PERMIT_ALL}
      @id("agents") forbid (principal, action, resource) when { principal has agent_session_id };`);
    expect(refusal(await to.exchange({ ...names, resource: own.resource }))).toEqual([
      403,
      'access_denied',
    ]);
  });

  test('not by a label that operators have given to somebody else since', async () => {
    const own = await createTestZone(a);
    const app = await applicationOf(own, own);
    const agent = await app.open({ labels: ['payments'] });
    await own.activate(`@id("payments") permit (principal, action, resource) when {
      !(principal has agent_session_id) ||
      principal has labels && principal.labels.contains("payments") };`);
    expect((await app.exchange({ agent_session_id: agent })).status).toBe(200);
    await own.newClient({ labels: ['payments'] });
    expect(refusal(await app.exchange({ agent_session_id: agent }))).toEqual([
      403,
      'access_denied',
    ]);
  });
});

describe('what is refused', () => {
  test('a delegation without an agent session', async () => {
    const one = await chain();
    expect(refusal(await use(one, { agent_session_id: undefined }))).toEqual([
      400,
      'invalid_request',
    ]);
  });

  test('an agent session that is unknown, malformed or somebody else’s, all in the same words', async () => {
    const one = await chain();
    await expectUnusable(
      await receiver.exchange({ agent_session_id: one.source }),
      /another client/,
    );
    for (const id of [ID, 'x', one.target.toUpperCase()]) {
      // oxlint-disable-next-line no-await-in-loop
      await expectUnusable(await receiver.exchange({ agent_session_id: id }), /unknown/);
    }
  });

  test('a delegation that is unknown, leads elsewhere or waits', async () => {
    const [one, other] = [await chain(), await chain()];
    await expectUnusable(await use({ ...one, edge: ID }), /unknown/);
    await expectUnusable(await use({ ...one, edge: 'x' }), /unknown/);
    await expectUnusable(await use({ ...one, edge: other.edge }), /another agent session/);
    const target = await receiver.open();
    const edge = await issuer.delegate(await issuer.open(), target);
    await expectUnusable(await use({ target, edge }), /not been accepted/);
    // What waits does not confine either.
    expect(refusal(await receiver.exchange({ agent_session_id: target }))).toEqual([200]);
  });

  test('sessions and delegations of another zone', async () => {
    const elsewhere = await createTestZone(a);
    const stranger = await applicationOf(elsewhere, elsewhere);
    const agent = await stranger.open();
    await expectUnusable(await receiver.exchange({ agent_session_id: agent }), /unknown/);
  });

  test('a delegation of a client that is disabled', async () => {
    const gone = await applicationOf(zone);
    const target = await receiver.open();
    const edge = await gone.delegate(await gone.open(), target);
    await receiver.accept(edge);
    expect(refusal(await use({ target, edge }))).toEqual([200]);
    await zone.admin('PATCH', `/clients/${gone.clientId}`, { disabled: true });
    await expectUnusable(await use({ target, edge }), /disabled/);
  });

  test('what has expired', async () => {
    const one = await chain();
    const two = await chain();
    for (const { target, edge } of [one, two]) {
      expect(refusal(await use({ target, edge }))).toEqual([200]);
    }
    await rows(a.databaseUrl, `UPDATE delegation_edges SET expires_at = now() WHERE id = $1`, [
      one.edge,
    ]);
    await rows(a.databaseUrl, `UPDATE agent_sessions SET expires_at = now() WHERE id = $1`, [
      two.source,
    ]);
    await expectUnusable(await use(one), /has ended/);
    await expectUnusable(await use(two), /has ended/);
  });

  test('what was changed in the database to be more than its parent', async () => {
    const one = await chain({ scopes: [] });
    const target = await issuer.open();
    const edge = await receiver.delegate(one.target, target, { scopes: [] });
    await issuer.accept(edge);
    expect(refusal(await use({ target, edge }, {}, issuer))).toEqual([200]);
    await rows(a.databaseUrl, `UPDATE delegation_edges SET scopes = '{shared}' WHERE id = $1`, [
      edge,
    ]);
    await expectUnusable(await use({ target, edge }, {}, issuer), /exceeds its parent: scopes/);
  });
});

describe('a session that was delegated to', () => {
  test('acts on that also where it does not say so', async () => {
    const one = await chain({ scopes: [] });
    const claims = claimsOf(await receiver.exchange({ agent_session_id: one.target }));
    expect(claims).toMatchObject({ scope: '', delegation_edge_id: one.edge });
  });

  test('and so does one below it', async () => {
    const one = await chain({ scopes: [] });
    const child = await receiver.open({ parent_id: one.target });
    const claims = claimsOf(await receiver.exchange({ agent_session_id: child }));
    expect(claims).toMatchObject({
      scope: '',
      agent_session_id: child,
      delegation_edge_id: one.edge,
      target_session_id: one.target,
      delegation_path: [one.edge],
    });
    expect(verifyDelegationChain(claims).valid).toBe(true);
    // It is not what leads to the child, so the child cannot name it.
    await expectUnusable(
      await receiver.exchange({ agent_session_id: child, delegation_edge_id: one.edge }),
      /another agent session/,
    );
  });

  test('is not freed by the delegation being revoked', async () => {
    const one = await chain({ scopes: [] });
    const child = await receiver.open({ parent_id: one.target });
    await zone.admin('DELETE', `/delegations/${one.edge}`);
    for (const id of [one.target, child]) {
      // oxlint-disable-next-line no-await-in-loop
      await expectUnusable(await receiver.exchange({ agent_session_id: id }), /ended|gone/);
    }
  });

  test('has to name one of several', async () => {
    const one = await chain({ scopes: [] });
    const other = await issuer.delegate(await issuer.open(), one.target);
    await receiver.accept(other);
    await expectUnusable(await receiver.exchange({ agent_session_id: one.target }), /several/);
    expect(claimsOf(await use(one))['scope']).toBe('');
    expect(claimsOf(await use({ target: one.target, edge: other }))['scope']).toBe('shared');
  });
});

test('a resource that exchanges a delegated mandate further is confined by the delegation', async () => {
  const own = await createTestZone(a);
  const [from, to, service] = [
    await applicationOf(own, own),
    await applicationOf(own),
    await applicationOf(own),
  ];
  const called = 'resource://service';
  await own.admin('POST', '/resources', {
    identifier: called,
    scopes: ['shared'],
    owner_client_id: service.clientId,
  });
  const wide = { resource: [called, own.resource, own.otherResource] };
  const token = await from.bearer(wide);
  const [source, target] = [await from.open(), await to.open()];
  const made = await from.call(
    'POST',
    '/delegations',
    {
      source_session_id: source,
      target_session_id: target,
      scopes: ['shared'],
      constraints: { resources: [called, own.resource] },
    },
    { token },
  );
  const edge = String(made.body['id']);
  await to.accept(edge);
  const mandate = tokenOf(
    await to.exchange({
      subject_token: await to.bearer(wide),
      agent_session_id: target,
      resource: called,
    }),
  );
  const further = (resource: string) =>
    service.exchange({ subject_token: mandate, resource, scope: 'shared' });
  const claims = claimsOf(await further(own.resource));
  expect(claims).toMatchObject({
    agent_session_id: target,
    delegation_edge_id: edge,
    hop_count: 1,
  });
  expect(claims['act']).toMatchObject({ sub: service.clientId });
  expect(refusal(await further(own.otherResource))).toEqual([400, 'invalid_target']);
  await own.admin('DELETE', `/agent-sessions/${source}`);
  await expectUnusable(await further(own.resource), /has ended/);
});

test('an actor token is refused once what it was delegated by is revoked', async () => {
  const one = await chain();
  const actor = tokenOf(
    await use(one, { subject_token: undefined, subject_token_type: undefined }),
  );
  const ask = () => issuer.exchange({ actor_token: actor, actor_token_type: ACCESS_TOKEN });
  expect(refusal(await ask())).toEqual([200]);
  await zone.admin('DELETE', `/agent-sessions/${one.source}`);
  await expectUnusable(await ask(), /actor token's delegation/);
});

describe('two replicas', () => {
  test('what one ends, the other refuses in the very next exchange', async () => {
    const subject = await issuer.bearer();
    const leaks: unknown[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const one = await chain();
      const target = await issuer.open();
      const edge = await receiver.delegate(one.target, target);
      await issuer.accept(edge);
      const last = { target, edge };
      expect(refusal(await use(last, { subject_token: subject }, issuer))).toEqual([200]);
      // Whatever it is that ends on the way, and whoever ends it.
      const ends = [
        () => zone.admin('DELETE', `/delegations/${one.edge}`),
        () => issuer.call('DELETE', `/delegations/${one.edge}`),
        () => receiver.call('DELETE', `/delegations/${edge}`),
        () => zone.admin('DELETE', `/agent-sessions/${one.source}`),
        () => receiver.call('DELETE', `/agent-sessions/${one.target}`),
        () => issuer.call('DELETE', `/agent-sessions/${target}`),
      ];
      await ends[round % ends.length]?.();
      const after = await use(last, { subject_token: subject }, issuer);
      if (after.body['error'] !== 'invalid_grant') leaks.push({ round, body: after.body });
    }
    expect(leaks).toEqual([]);
  });

  test('what is ended while exchanges are under way is not issued for afterwards', async () => {
    const subject = await receiver.bearer();
    for (let round = 0; round < 10; round += 1) {
      const one = await chain();
      const done = { at: Number.POSITIVE_INFINITY };
      const late: unknown[] = [];
      const asking = Array.from({ length: 20 }, async (_, at) => {
        await new Promise((wake) => setTimeout(wake, at * 3));
        const asked = performance.now();
        const answer = await use(one, { subject_token: subject });
        if (asked > done.at && answer.status === 200) late.push(answer.body);
      });
      await zone.admin('DELETE', `/delegations/${one.edge}`);
      done.at = performance.now();
      await Promise.all(asking);
      expect(late).toEqual([]);
    }
  });

  test('a budget is drawn on exactly, by whoever asks and wherever', async () => {
    const one = await chain({ constraints: { budget: 20 } });
    const target = await issuer.open();
    const edge = await receiver.delegate(one.target, target, { constraints: { budget: 15 } });
    await issuer.accept(edge);
    const [toReceiver, toIssuer] = [await receiver.bearer(), await issuer.bearer()];
    const answers = await Promise.all(
      Array.from({ length: 50 }, async (_, at) => {
        const url = at % 2 === 0 ? a.url : b.url;
        const app = at % 4 < 2 ? receiver : issuer;
        const subject = app === receiver ? toReceiver : toIssuer;
        const parameters = {
          resource: zone.resource,
          agent_session_id: app === receiver ? one.target : target,
          delegation_edge_id: app === receiver ? one.edge : edge,
        };
        return persistently(() => exchangeAs(app, url, subject, parameters));
      }),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(20);
    expect(
      answers.filter(({ status, body }) => status !== 200 && body['error'] !== 'invalid_grant'),
    ).toEqual([]);
    const left = await rows<{ remaining: string }>(
      a.databaseUrl,
      'SELECT remaining FROM delegation_edges WHERE id = ANY ($1) ORDER BY hop_count',
      [[one.edge, edge]],
    );
    const throughChild = answers.filter(
      ({ status, body }) =>
        status === 200 && decodeJwt(String(body['access_token']))['delegation_edge_id'] === edge,
    ).length;
    expect(left.map(({ remaining }) => Number(remaining))).toEqual([0, 15 - throughChild]);
  });

  test('what is refused draws on no budget', async () => {
    const one = await chain({ constraints: { budget: 1 } });
    const subject = await receiver.bearer();
    expect(refusal(await use(one, { subject_token: subject, scope: 'a:write' }))).toEqual([
      400,
      'invalid_scope',
    ]);
    await zone.admin('POST', '/revocations', { jti: decodeJwt(subject).jti });
    expect(refusal(await use(one, { subject_token: subject }))).toEqual([400, 'invalid_request']);
    expect(refusal(await use(one))).toEqual([200]);
    await expectUnusable(await use(one), /budget/);
  });

  test('batches that draw on the same budgets in another order do not wait for each other', async () => {
    const shared = await Promise.all(
      Array.from({ length: 4 }, () => chain({ constraints: { budget: 1_000 } })),
    );
    const subject = await receiver.bearer();
    const answers = await Promise.all(
      Array.from({ length: 120 }, (_, at) => {
        const forward = at % 2 === 0;
        const one = shared[(forward ? at : 1_000 - at) % 4];
        const parameters = {
          resource: zone.resource,
          agent_session_id: one?.target,
          delegation_edge_id: one?.edge,
        };
        const { url } = forward ? a : b;
        return persistently(() => exchangeAs(receiver, url, subject, parameters));
      }),
    );
    expect(answers.filter(({ status }) => status !== 200).map(({ body }) => body)).toEqual([]);
    // A busy machine may have no time for some; none of them was the victim of a deadlock.
    expect([...a.logs(), ...b.logs()].filter((log) => /deadlock/i.test(log))).toEqual([]);
  });
});
