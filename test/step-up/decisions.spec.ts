import { randomUUID } from 'node:crypto';
import { decodeJwt } from 'jose';
import { beforeAll, describe, expect, test } from 'vitest';
import { applicationOf, type TestApplication } from '../setup/agents.js';
import { approveAs, bindingOf, DESK, openDesk, setType as setTypeOf } from '../setup/approvals.js';
import { APPROVE_WRITES, heldIn, type Held } from '../setup/challenges.js';
import { rows, sharedReplica, type Replica } from '../setup/harness.js';
import { newTrustedIssuer } from '../setup/trusted-issuers.js';
import { newProofSystem, reportProof, type ProofSystem } from '../setup/proof-systems.js';
import {
  callAdmin,
  createTestZone,
  type Answer,
  type Parameters,
  type TestZone,
} from '../setup/zone.js';

const IDP = 'https://idp.example';

let replica: Replica;
let zone: TestZone;
let approver: TestApplication;

beforeAll(async () => {
  replica = await sharedReplica();
  zone = await newZone();
  approver = await applicationOf(zone);
  await newTrustedIssuer(zone, IDP);
});
async function newZone(): Promise<TestZone> {
  const made = await createTestZone(replica);
  await openDesk(made);
  await made.activate(APPROVE_WRITES);
  return made;
}

let turn = 0;
/** Another request each time, so that it has a challenge of its own. */
async function held(
  parameters: Parameters = {},
  of = zone,
): Promise<Held & { again: () => Promise<Answer> }> {
  turn += 1;
  const request = { scope: 'a:write', ttl_seconds: String(60 + turn), ...parameters };
  const answer = heldIn(await of.session(request));
  return { ...answer, again: () => of.session({ ...request, ...answer.response }) };
}

const operator = (id: string, body: object = {}, of = zone) =>
  callAdmin(replica, 'POST', `/zones/${of.zoneId}/challenges/${id}/decision`, {
    decision: 'approved',
    reason: 'looks right',
    ...body,
  });

const shown = (id: string) => zone.admin('GET', `/challenges/${id}`);
const approve = (id: string, body: object = {}, who = approver) => approveAs(who, id, body);

const setType = (terms: object, type = 'approval', of = zone) => setTypeOf(of, terms, type);

const errorOf = ({ status, body }: Answer) => [status, body['error']];

describe('operators', () => {
  test('see what waits, in words and in full', async () => {
    const { id } = await held();
    const pending = await zone.admin('GET', '/challenges?state=pending&limit=500');
    expect((pending['items'] as { id: string }[]).map((item) => item.id)).toContain(id);
    const challenge = await shown(id);
    expect(challenge).toMatchObject({
      id,
      type: 'approval',
      state: 'pending',
      summary: expect.stringMatching(
        /^application ".+" \(.+\) asks for a:write on resource:\/\/a, for at most \d+ seconds, for itself$/,
      ),
      request: { client_id: zone.clientId, scopes: ['a:write'], resources: [zone.resource] },
      terms: { quorum: 1 },
      decisions: [],
    });
    expect(challenge['binding']).toBe(bindingOf(challenge['request']));
    expect(JSON.stringify(challenge)).not.toMatch(/secret|digest/);
  });

  test('approve once, and for good', async () => {
    const { id, again } = await held();
    const first = await operator(id);
    expect(first).toMatchObject({ status: 200, body: { state: 'approved', approvals: 1 } });
    expect(first.body['decisions']).toMatchObject([
      { decided_by: 'operator:admin key', method: 'operator', reason: 'looks right' },
    ]);
    const second = await operator(id, { decision: 'rejected' });
    expect(errorOf(second)).toEqual([409, 'conflict']);
    expect(await zone.audit(first.requestId)).toMatchObject([
      {
        outcome: 'done',
        event: {
          type: 'challenge.decided',
          challenge: { id, type: 'approval' },
          decided_by: 'operator:admin key',
          decision: 'approved',
          reason: 'looks right',
          settled: 'approved',
        },
      },
    ]);
    expect(await zone.audit(second.requestId)).toMatchObject([
      { outcome: 'denied', event: { type: 'challenge.decided', reason: 'decided' } },
    ]);
    expect((await again()).status).toBe(200);
    expect((await shown(id))['state']).toBe('consumed');
  });

  test('reject, and nothing is granted', async () => {
    const { id, again } = await held();
    expect((await operator(id, { decision: 'rejected' })).body['state']).toBe('rejected');
    expect(errorOf(await again())).toEqual([400, 'invalid_grant']);
    expect(errorOf(await operator(id))).toEqual([409, 'conflict']);
  });

  test('who decide at once decide once', async () => {
    const { id } = await held();
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, i) =>
        operator(id, { decision: i % 2 === 0 ? 'approved' : 'rejected' }),
      ),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(7);
  });

  test('are told what is wrong', async () => {
    const { id } = await held();
    const other = await newZone();
    expect((await operator(id, {}, other)).status).toBe(404);
    expect((await operator(randomUUID())).status).toBe(404);
    expect((await operator('x')).status).toBe(404);
    for (const body of [
      { decision: 'maybe' },
      { reason: '' },
      { reason: 'a\u0000b' },
      { reason: 'x'.repeat(201) },
      { reason: undefined },
      { binding: 'x' },
      { more: 1 },
    ]) {
      expect((await operator(id, body)).status).toBe(400);
    }
    expect((await operator(id, { binding: '0'.repeat(64) })).status).toBe(409);
    expect((await shown(id))['state']).toBe('pending');
    expect(
      (await callAdmin(replica, 'GET', `/zones/${zone.zoneId}/challenges?state=x`)).status,
    ).toBe(400);
  });

  test('come too late', async () => {
    await setType({ lifetime_seconds: 30 }, 'approval');
    const { id } = await held();
    await zone.admin('DELETE', '/step-up-types/approval');
    await rows(replica.databaseUrl, 'UPDATE challenges SET expires_at = now() WHERE id = $1', [id]);
    expect(await operator(id)).toMatchObject({
      status: 409,
      body: { error_description: 'the challenge has expired' },
    });
    const expired = await zone.admin('GET', '/challenges?state=expired&limit=500');
    expect((expired['items'] as { id: string }[]).map((item) => item.id)).toContain(id);
  });
});

describe('approvers', () => {
  test('decide on what they saw', async () => {
    const { id, again } = await held();
    const decided = await approve(id);
    expect(decided).toMatchObject({ status: 200, body: { state: 'approved' } });
    expect(await zone.audit(decided.requestId)).toMatchObject([
      { outcome: 'done', event: { decided_by: `client:${approver.clientId}`, method: 'approver' } },
    ]);
    expect(errorOf(await approve(id))).toEqual([409, 'conflict']);
    const granted = await again();
    expect(granted.status).toBe(200);
  });

  test('do not decide on anything else', async () => {
    const { id } = await held();
    expect(errorOf(await approve(id, { binding: '0'.repeat(64) }))).toEqual([409, 'conflict']);
    expect(errorOf(await approve(id, { binding: undefined }))).toEqual([400, 'invalid_request']);
    expect((await shown(id))['state']).toBe('pending');
  });

  test('need the scope, a living session of the zone, and to be believed', async () => {
    const { id } = await held();
    const path = `/step-up/${id}/decision`;
    const body = { decision: 'approved', reason: 'x', binding: '0'.repeat(64) };
    const without = await approver.call('POST', path, body, { token: await approver.bearer() });
    expect(errorOf(without)).toEqual([403, 'insufficient_scope']);
    expect(without.headers.get('www-authenticate')).toBe(
      'Bearer realm="mandate", error="insufficient_scope", scope="challenge:decide"',
    );
    expect((await approver.call('POST', path, body, { token: null })).status).toBe(401);
    expect((await approver.call('POST', path, body, { token: 'x.y.z' })).status).toBe(401);
    const foreign = await applicationOf(await newZone());
    const asForeigner = await approve(id, { binding: '0'.repeat(64) }, foreign);
    expect(asForeigner.status).toBe(404);

    const token = await approver.bearer({ resource: DESK, scope: 'challenge:decide' });
    const { sid } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
    await zone.admin('DELETE', `/sessions/${sid}`);
    expect(
      (await approver.call('GET', `/step-up/${id}/request`, undefined, { token })).status,
    ).toBe(401);
    expect((await approver.call('POST', path, body, { token })).status).toBe(401);
    expect((await shown(id))['state']).toBe('pending');
  });

  test('are not those who ask, unless the type says so', async () => {
    const requester = await applicationOf(zone, zone);
    const { id } = await held();
    const refused = await approve(id, {}, requester);
    expect(errorOf(refused)).toEqual([403, 'access_denied']);
    expect(await zone.audit(refused.requestId)).toMatchObject([
      { outcome: 'denied', event: { reason: 'party' } },
    ]);
    await setType({ requester_may_satisfy: true });
    const next = await held();
    expect((await approve(next.id, {}, requester)).status).toBe(200);
    await zone.admin('DELETE', '/step-up-types/approval');
  });

  test('are nobody in the chain that asks', async () => {
    await setType({ requester_may_satisfy: true, subject_may_satisfy: true });
    const issuer = await applicationOf(zone);
    const receiver = await applicationOf(zone);
    const [source, target] = [await issuer.open(), await receiver.open()];
    const edge = await issuer.delegate(source, target, {
      scopes: ['shared'],
      resource: zone.resource,
    });
    await receiver.accept(edge);
    const own = await newPolicy('shared');
    const asked = await held({
      client_id: receiver.clientId,
      client_secret: receiver.secret,
      agent_session_id: target,
      delegation_edge_id: edge,
      scope: 'shared',
      ttl_seconds: undefined,
    });
    expect(errorOf(await approve(asked.id, {}, issuer))).toEqual([403, 'access_denied']);
    expect((await approve(asked.id)).status).toBe(200);
    expect((await asked.again()).status).toBe(200);
    await own.restore();
    await zone.admin('DELETE', '/step-up-types/approval');
  });

  test('are as many as the type wants, each of them once', async () => {
    await setType({ quorum: 2 });
    const { id, again } = await held();
    expect(await approve(id)).toMatchObject({
      status: 200,
      body: { state: 'pending', approvals: 1 },
    });
    expect(await approve(id)).toMatchObject({ status: 409 });
    expect(errorOf(await again())).toEqual([400, 'invalid_grant']);
    const second = await applicationOf(zone);
    expect(await approve(id, {}, second)).toMatchObject({ body: { state: 'approved' } });
    expect((await again()).status).toBe(200);

    const vetoed = await held();
    expect((await approve(vetoed.id)).status).toBe(200);
    expect((await operator(vetoed.id, { decision: 'rejected' })).body['state']).toBe('rejected');
    const byOne = await held();
    await operator(byOne.id);
    expect((await operator(byOne.id)).status).toBe(409);
    expect((await shown(byOne.id))['state']).toBe('pending');
    await zone.admin('DELETE', '/step-up-types/approval');
  });

  async function newPolicy(scope: string) {
    await zone.activate(
      APPROVE_WRITES.replace('"a:write"', `"${scope}"`).replace(
        'when {',
        `when { resource != Resource::"${DESK}" &&`,
      ),
    );
    return { restore: () => zone.activate(APPROVE_WRITES) };
  }
});

describe('proof systems', () => {
  const newSystem = (types?: string[], of = zone) => newProofSystem(of, types);

  /** What a system sends of bob, whom a trusted issuer names. */
  async function report(
    system: ProofSystem,
    id: string,
    body: Record<string, unknown> = {},
    headers: Record<string, string | undefined> = {},
    at = new Date(),
  ): Promise<Answer> {
    const binding = (await shown(id).catch(() => ({ binding: '0'.repeat(64) })))['binding'];
    const by = { sub: 'bob', iss: IDP };
    return reportProof(zone, system, id, { body: { binding, by, ...body }, headers, at });
  }

  test('tell who has confirmed it, and how', async () => {
    const system = await newSystem();
    const { id, again } = await held();
    const told = await report(system, id);
    expect(told.status).toBe(204);
    expect(await zone.audit(told.requestId)).toMatchObject([
      {
        outcome: 'done',
        event: {
          method: 'proof_system',
          decided_by: `proof_system:${system.id}:["${IDP}","bob"]`,
          person: { iss: IDP, sub: 'bob' },
        },
      },
    ]);
    expect((await report(system, id)).status).toBe(409);
    const granted = await again();
    expect(granted.status).toBe(200);
    // Bob is not the subject: how he was authenticated says nothing about it.
    const claims = decodeJwt(String(granted.body['access_token']));
    expect(claims).not.toHaveProperty('acr');
    expect(claims).not.toHaveProperty('amr');
    expect(claims).not.toHaveProperty('auth_time');
  });

  test('are believed only if they have signed it, of late, and are there', async () => {
    const system = await newSystem();
    const other = await newSystem();
    const { id } = await held();
    const minutesAgo = (minutes: number) => new Date(Date.now() - minutes * 60_000);
    const wrong = await Promise.all([
      report({ ...system, secret: other.secret }, id),
      report({ ...system, id: other.id }, id),
      report({ ...system, id: randomUUID() }, id),
      report(system, id, {}, { 'mandate-proof-system': undefined }),
      report(system, id, {}, { 'mandate-proof-system': 'x' }),
      report(system, id, {}, { 'webhook-signature': undefined }),
      report(system, id, {}, { 'webhook-signature': 'v1,' }),
      report(system, id, {}, { 'webhook-signature': 'v1a,AAAA v2,AAAA' }),
      report(system, id, {}, { 'webhook-timestamp': undefined }),
      report(system, id, {}, { 'webhook-id': 'another' }),
      report(system, id, {}, {}, minutesAgo(6)),
      report(system, id, {}, {}, minutesAgo(-6)),
    ]);
    for (const answer of wrong) {
      expect(answer).toMatchObject({
        status: 401,
        body: {
          error: 'invalid_token',
          error_description: 'the request is not signed by a proof system',
        },
      });
    }
    await zone.admin('DELETE', `/proof-systems/${system.id}`);
    expect((await report(system, id)).status).toBe(401);
    expect((await shown(id))['state']).toBe('pending');
  });

  test('decide on what they have signed, in their zone, of their types', async () => {
    const system = await newSystem();
    const { id } = await held();
    const other = await held();
    expect((await report(system, id, { challenge_id: other.id })).status).toBe(404);
    expect((await report(system, id, { binding: '0'.repeat(64) })).status).toBe(409);
    expect((await report(await newSystem(['mfa']), id)).status).toBe(404);
    expect((await report(await newSystem([], await newZone()), id)).status).toBe(404);
    expect((await report(system, randomUUID())).status).toBe(404);
    expect((await report(system, id, { amr: ['a b'] })).status).toBe(400);
    expect((await report(system, id, { by: {} })).status).toBe(400);
    expect((await report(system, id, { by: { sub: 'bob', iss: 'x' } })).status).toBe(400);
    expect((await shown(id))['state']).toBe('pending');
  });

  test('do not let the subject confirm what is asked for it, unless the type says so', async () => {
    const system = await newSystem();
    const { id } = await held();
    const subject = { by: { sub: zone.clientId } };
    expect((await report(system, id, subject)).status).toBe(403);
    await setType({ subject_may_satisfy: true });
    expect((await report(system, (await held()).id, subject)).status).toBe(204);
    await zone.admin('DELETE', '/step-up-types/approval');
  });

  test('count each person once', async () => {
    await setType({ quorum: 2 });
    const system = await newSystem();
    const { id } = await held();
    expect((await report(system, id)).status).toBe(204);
    expect((await report(system, id)).status).toBe(409);
    expect((await report(system, id, { by: { sub: 'carol', iss: IDP } })).status).toBe(204);
    expect((await shown(id))['state']).toBe('approved');
    await zone.admin('DELETE', '/step-up-types/approval');
  });

  test('have their secret told once', async () => {
    const made = await zone.admin('POST', '/proof-systems', { name: `s ${randomUUID()}` });
    expect(made['secret']).toMatch(/^whsec_/);
    const lists = JSON.stringify([
      await zone.admin('GET', '/proof-systems'),
      await zone.admin('GET', `/proof-systems/${String(made['id'])}`),
      replica.logs(),
    ]);
    expect(lists).not.toContain(String(made['secret']).slice(6));
  });
});

test('webhooks are https, unless the service is told otherwise', async () => {
  const answer = await callAdmin(replica, 'POST', `/zones/${zone.zoneId}/webhooks`, {
    url: 'http://example.org',
  });
  expect(answer).toMatchObject({
    status: 400,
    body: { error_description: 'url: it is not https' },
  });
});

describe('types', () => {
  test('have defaults, terms of their own, and defaults again', async () => {
    const own = await newZone();
    const types = async () =>
      ((await own.admin('GET', '/step-up-types'))['items'] as Record<string, unknown>[]).map(
        ({ type, lifetime_seconds: lifetime, default: isDefault }) => [type, lifetime, isDefault],
      );
    expect(await types()).toEqual([
      ['mfa', 300, true],
      ['approval', 300, true],
    ]);
    await setType({ lifetime_seconds: 60, acr: 'two' }, 'approval', own);
    expect(await types()).toEqual([
      ['approval', 60, false],
      ['mfa', 300, true],
    ]);
    const answer = await own.session({ scope: 'a:write' });
    const left = Date.parse(String(answer.body['challenge_expires_at'])) - Date.now();
    expect(left).toBeLessThan(61_000);
    await own.admin('DELETE', '/step-up-types/approval');
    expect(await types()).toEqual([
      ['mfa', 300, true],
      ['approval', 300, true],
    ]);
  });

  test.each([
    ['two operators, of whom there is one key', { quorum: 2, satisfied_by: ['operator'] }],
    ['a subject that may not', { satisfied_by: ['totp'] }],
    ['two subjects', { quorum: 2, satisfied_by: ['totp', 'webauthn'], subject_may_satisfy: true }],
    ['the subject, who may not', { subject_must_satisfy: true }],
    [
      'the subject, who has no way to',
      { subject_must_satisfy: true, subject_may_satisfy: true, satisfied_by: ['operator'] },
    ],
    ['no way', { satisfied_by: [] }],
    ['an unknown way', { satisfied_by: ['luck'] }],
    ['a life that is too short', { lifetime_seconds: 29 }],
    ['a quorum of nobody', { quorum: 0 }],
    ['an acr with a space', { acr: 'a b' }],
  ])('cannot want %s', async (_name, terms) => {
    await expect(setType(terms)).rejects.toThrow(/invalid_request/);
  });

  test('have names that policies can have', async () => {
    for (const name of ['a%20b', '%00', 'a'.repeat(65)]) {
      await expect(setType({}, name)).rejects.toThrow(/invalid_request/);
      await expect(zone.admin('DELETE', `/step-up-types/${name}`)).rejects.toThrow(
        /invalid_request/,
      );
    }
  });
});
