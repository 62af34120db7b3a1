import { randomUUID } from 'node:crypto';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SIGNING_ALGS } from '../../src/oauth/algorithms.js';
import { borrowReplicas, type Replica, rows } from '../setup/harness.js';
import { introspect } from '../setup/introspection.js';
import { expectRefused, openLedgerView, type LedgerView } from '../setup/ledger-view.js';
import { persistently } from '../setup/patience.js';
import {
  ACCESS_TOKEN,
  callAdmin,
  createTestZone,
  PERMIT_ALL,
  postForm,
  TOKEN_EXCHANGE,
  type Answer,
  type Parameters,
  type TestZone,
} from '../setup/zone.js';
import { foreignForger, hostileIssuerTokens, newKey } from '../setup/tokens/foreign-tokens.js';
import type { ForgerKey, Members, TokenForger } from '../setup/tokens/token-forger.js';

const JWT = 'urn:ietf:params:oauth:token-type:jwt';
const ID_TOKEN = 'urn:ietf:params:oauth:token-type:id_token';
const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const AUDIENCE = 'https://mandate.example';
const UNUSABLE = {
  status: 400,
  error: 'invalid_request',
  description: 'the subject_token is not usable',
};
const now = () => Math.floor(Date.now() / 1_000);

let a: Replica;
let b: Replica;
let zone: TestZone;
let view: LedgerView;
let key: ForgerKey;
let otherKey: ForgerKey;
/** A trusted issuer, and one that trusts the same key under another name. */
let idp: Issuer;
let other: Issuer;

interface Issuer {
  readonly id: string;
  readonly name: string;
  readonly forger: TokenForger;
}

beforeAll(async () => {
  [a, b] = await borrowReplicas();
  zone = await createTestZone(a);
  view = await openLedgerView(a.databaseUrl);
  key = await newKey('ES256', 'idp-key');
  otherKey = await newKey('ES256', 'other-key');
  idp = await newIssuer();
  other = await newIssuer();
});
afterAll(async () => {
  await view?.close();
  await Promise.all([a?.stop(), b?.stop()]);
});

const registration = (name: string, body: object = {}) => ({
  issuer: name,
  jwks: { keys: [key.publicJwk] },
  audiences: [AUDIENCE],
  token_types: ['jwt', 'id_token'],
  ...body,
});

async function newIssuer(body: object = {}): Promise<Issuer> {
  const name = `https://idp-${randomUUID()}.example`;
  const { id } = await zone.admin('POST', '/issuers', registration(name, body));
  return { id: String(id), name, forger: forgerOf(name) };
}

function forgerOf(name: string): TokenForger {
  return foreignForger('ES256', key, otherKey, () => ({
    iss: name,
    sub: 'alice',
    aud: AUDIENCE,
    iat: now(),
    exp: now() + 600,
  }));
}

/** A token of an issuer with changes. */
const tokenOf = (claims: Members = {}, issuer = idp, header: Members = {}) =>
  issuer.forger.sign(header, claims);

/** Exchanges a token of an issuer. */
function exchange(text: string, parameters: Parameters = {}, replica = a): Promise<Answer> {
  return postForm(replica.url, {
    grant_type: TOKEN_EXCHANGE,
    client_id: zone.clientId,
    client_secret: zone.secret,
    subject_token: text,
    subject_token_type: JWT,
    resource: zone.resource,
    scope: 'a:read',
    ...parameters,
  });
}

const withMayAct = async (mayAct: Members) => exchange(await tokenOf({ may_act: mayAct }));

/** The claims of what an exchange made. */
const claimsOf = ({ body }: Answer) => decodeJwt(String(body['access_token']));

describe('a token of a trusted issuer', () => {
  test('opens a user session and becomes a resource mandate', async () => {
    const authTime = now() - 100;
    const text = await tokenOf({
      jti: 'its own',
      acr: 'urn:mfa',
      amr: ['pwd', 'otp'],
      auth_time: authTime,
      scope: 'a:write',
      exp: now() + 200,
    });
    const answer = await exchange(text);
    expect(answer).toMatchObject({ status: 200, body: { scope: 'a:read' } });
    const claims = claimsOf(answer);
    expect(claims).toMatchObject({
      iss: zone.issuer,
      sub: 'alice',
      sub_iss: idp.name,
      sub_type: 'user',
      use: 'resource',
      aud: zone.resource,
      target: [zone.resource],
      client_id: zone.clientId,
      acr: 'urn:mfa',
      amr: ['pwd', 'otp'],
      auth_time: authTime,
    });
    expect(claims['act']).toBeUndefined();
    expect(claims.exp).toBe(decodeJwt(text).exp);
    expect(claims['root_sid']).toBe(claims['sid']);

    const session = await zone.admin('GET', `/sessions/${String(claims['sid'])}`);
    expect(session).toMatchObject({
      subject: 'alice',
      issuer: idp.name,
      acr: 'urn:mfa',
      amr: ['pwd', 'otp'],
      auth_time: new Date(authTime * 1_000).toISOString(),
      client_id: zone.clientId,
      expires_at: new Date((claims.exp ?? 0) * 1_000).toISOString(),
      ended_at: null,
    });

    const [event, ...more] = await zone.audit(answer.requestId);
    expect(more).toEqual([]);
    expect(event?.event).toMatchObject({
      outcome: 'issued',
      subject: { sub: 'alice', sub_iss: idp.name, sub_type: 'user' },
      mandate: { sub: 'alice', sub_iss: idp.name, use: 'resource' },
    });
  });

  test.each([
    'alice',
    'Alice',
    'a\u0301lice',
    '\u00e1lice',
    'al/ice@example.com',
    "'; DROP TABLE",
    '名前',
    'a b',
  ])('names the user as it does: %j', async (sub) => {
    const answer = await exchange(await tokenOf({ sub }));
    expect(claimsOf(answer).sub).toBe(sub);
    const [row] = await rows<{ subject: string }>(
      a.databaseUrl,
      'SELECT subject FROM sessions WHERE id = $1',
      [claimsOf(answer)['sid']],
    );
    expect(row?.subject).toBe(sub);
  });

  test('is an ID token as well, and may be exchanged again', async () => {
    const text = await tokenOf();
    const answers = [
      await exchange(text, { subject_token_type: ID_TOKEN }),
      await exchange(text),
      await exchange(text, {}, b),
    ];
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    const sessions = answers.map((answer) => claimsOf(answer)['sid']);
    expect(new Set(sessions).size).toBe(3);
  });

  test('may stay in its session, which is for that user only', async () => {
    const sid = String(claimsOf(await exchange(await tokenOf()))['sid']);
    const again = await exchange(await tokenOf(), { session_id: sid });
    expect(claimsOf(again)['sid']).toBe(sid);
    const gone = { status: 400, error: 'invalid_grant', reason: 'session of another user' };
    await expectRefused(
      view,
      await exchange(await tokenOf({ sub: 'bob' }), { session_id: sid }),
      gone,
    );
    await expectRefused(view, await exchange(await tokenOf({}, other), { session_id: sid }), gone);
    const own = String(claimsOf(await zone.session())['sid']);
    await expectRefused(view, await exchange(await tokenOf(), { session_id: own }), gone);
    await zone.admin('DELETE', `/sessions/${sid}`);
    await expectRefused(view, await exchange(await tokenOf(), { session_id: sid }), {
      status: 400,
      error: 'invalid_grant',
    });
  });

  test('allows no scope that is not asked for, and none that the resource lacks', async () => {
    const silent = await exchange(await tokenOf({ scope: 'a:read a:write' }), { scope: undefined });
    expect(silent).toMatchObject({ status: 200, body: { scope: '' } });
    await expectRefused(view, await exchange(await tokenOf(), { scope: 'b:read' }), {
      status: 400,
      error: 'invalid_scope',
    });
  });

  test('gets no mandate for a resource behind gateways', async () => {
    const identifier = `resource://${randomUUID()}`;
    await zone.admin('POST', '/resources', { identifier, scopes: ['a:read'], access: 'gateway' });
    await expectRefused(view, await exchange(await tokenOf(), { resource: identifier }), {
      status: 400,
      error: 'invalid_target',
    });
  });

  test('can have an actor, who is not the user of the same name', async () => {
    const { clientId, secret } = await zone.newClient();
    const actor = await zone.session({ client_id: clientId, client_secret: secret });
    const answer = await exchange(await tokenOf({ sub: clientId }), {
      actor_token: String(actor.body['access_token']),
      actor_token_type: ACCESS_TOKEN,
    });
    expect(claimsOf(answer)).toMatchObject({
      sub: clientId,
      sub_type: 'user',
      act: { sub: clientId },
    });
  });

  test('obeys may_act, in which a name without issuer is one of its own', async () => {
    const denied = { ...UNUSABLE, reason: 'subject_token: may_act names another actor' };
    await expectRefused(view, await withMayAct({ sub: zone.clientId }), denied);
    await expectRefused(view, await withMayAct({ client_id: zone.clientId }), denied);
    await expectRefused(view, await withMayAct({ iss: idp.name, sub: zone.clientId }), denied);
    await expectRefused(view, await withMayAct({ iss: zone.issuer, sub: 'somebody' }), denied);
    const answer = await withMayAct({ iss: zone.issuer, sub: zone.clientId });
    expect(claimsOf(answer)['may_act']).toEqual({ iss: zone.issuer, sub: zone.clientId });
  });

  test('follows the user on behalf of whom a resource asks', async () => {
    const service = await zone.newClient();
    const owned = `resource://${randomUUID()}`;
    await zone.admin('POST', '/resources', {
      identifier: owned,
      scopes: ['x'],
      owner_client_id: service.clientId,
    });
    const first = await exchange(await tokenOf({ acr: 'high' }), { resource: owned, scope: 'x' });
    const answer = await zone.exchange({
      client_id: service.clientId,
      client_secret: service.secret,
      subject_token: String(first.body['access_token']),
      subject_token_type: ACCESS_TOKEN,
    });
    expect(claimsOf(answer)).toMatchObject({
      sub: 'alice',
      sub_iss: idp.name,
      sub_type: 'user',
      acr: 'high',
      act: { sub: service.clientId },
      sid: claimsOf(first)['sid'],
    });
  });
});

describe('a scope that lets in claims of the user', () => {
  const SAID = {
    email: 'alice@example.com',
    'https://example.com/roles': ['a', { b: [1, null] }],
    phone_number: null,
    nickname: 'al',
    zone_id: 'another',
    gen: { z: 9 },
  };
  const ofUser = (answer: Answer) => {
    const { email, nickname, phone_number: phone, ...claims } = claimsOf(answer);
    return { email, nickname, phone, roles: claims['https://example.com/roles'] };
  };
  const NONE = { email: undefined, nickname: undefined, phone: undefined, roles: undefined };

  let service: Awaited<ReturnType<TestZone['newClient']>>;
  let owned: string;

  beforeAll(async () => {
    service = await zone.newClient();
    owned = `resource://${randomUUID()}`;
    await zone.admin('POST', '/resources', {
      identifier: owned,
      scopes: ['claims:email', 'claims:roles', 'a:read'],
      owner_client_id: service.clientId,
    });
    await zone.admin('POST', '/scopes', {
      name: 'claims:email',
      claims: ['email', 'phone_number', 'family_name'],
    });
    await zone.admin('POST', '/scopes', {
      name: 'claims:roles',
      claims: ['https://example.com/roles', 'email'],
    });
  });

  const ask = async (scope: string, said: Members = SAID) =>
    exchange(await tokenOf(said), { resource: owned, scope });
  const onBehalfOf = (answer: Answer, scope: string) =>
    zone.exchange({
      client_id: service.clientId,
      client_secret: service.secret,
      subject_token: String(answer.body['access_token']),
      subject_token_type: ACCESS_TOKEN,
      resource: owned,
      scope,
    });

  test('has them in the mandate, by name in the audit log, and in introspection', async () => {
    const answer = await ask('claims:email claims:roles');
    const roles = SAID['https://example.com/roles'];
    expect(ofUser(answer)).toEqual({ ...NONE, email: SAID.email, roles });
    expect(claimsOf(answer)['zone_id']).toBe(zone.zoneId);
    const [event] = await zone.audit(answer.requestId);
    expect(event?.event).toMatchObject({
      mandate: { claims: ['email', 'https://example.com/roles'] },
    });
    expect(JSON.stringify(event?.event)).not.toContain(SAID.email);
    const told = await introspect(a.url, String(answer.body['access_token']), service);
    expect(told.body).toMatchObject({
      active: true,
      email: SAID.email,
      'https://example.com/roles': roles,
      zone_id: zone.zoneId,
    });
    expect(ofUser(await ask('a:read'))).toEqual(NONE);
  });

  test('loses them with a later exchange for less, for good', async () => {
    const all = await ask('claims:email claims:roles a:read');
    const less = await onBehalfOf(all, 'claims:email a:read');
    expect(ofUser(less)).toEqual({ ...NONE, email: SAID.email });
    const none = await onBehalfOf(less, 'a:read');
    expect(ofUser(none)).toEqual(NONE);
    expect((await onBehalfOf(none, 'claims:email')).status).toBe(400);
  });

  test('lets in what it says now, and what the mandate of before has', async () => {
    const name = 'claims:email';
    const { items } = await zone.admin('GET', `/scopes?name=${name}`);
    const [{ id } = { id: '' }] = items as { id: string }[];
    const before = await ask(name);
    await zone.admin('PATCH', `/scopes/${id}`, { claims: ['nickname'] });
    expect(ofUser(await ask(name))).toEqual({ ...NONE, nickname: 'al' });
    // The mandate of before never had it.
    expect(ofUser(await onBehalfOf(before, name))).toEqual(NONE);
    await zone.admin('PATCH', `/scopes/${id}`, { claims: ['email'] });
    expect(ofUser(await onBehalfOf(before, name))).toEqual({ ...NONE, email: SAID.email });
  });

  test('is refused whole where there is no room for them', async () => {
    const said = { ...SAID, 'https://example.com/roles': 'x'.repeat(4_100) };
    const refused = await ask('claims:roles', said);
    expect(refused).toMatchObject({ status: 400, body: { error: 'invalid_request' } });
    const [event] = await zone.audit(refused.requestId);
    expect(event?.event).toMatchObject({
      outcome: 'denied',
      reason: 'claims of scopes: email https://example.com/roles',
    });
    expect((await ask('claims:email', said)).status).toBe(200);
  });

  test('is refused where a number may be that of somebody else', async () => {
    const name = 'https://example.com/roles';
    const employee = (id: number) => ask('claims:roles', { [name]: [{ employee: id }] });
    const known = await employee(Number.MAX_SAFE_INTEGER);
    expect(claimsOf(known)[name]).toEqual([{ employee: Number.MAX_SAFE_INTEGER }]);
    const refused = await employee(Number.MAX_SAFE_INTEGER + 1);
    expect(refused).toMatchObject({ status: 400, body: { error: 'invalid_request' } });
    const [event] = await zone.audit(refused.requestId);
    expect(event?.event).toMatchObject({
      outcome: 'denied',
      stage: 'mint',
      reason: `claims of scopes: ${name}`,
    });
  });

  test('has none of them where a client asks for itself', async () => {
    const own = await zone.session({ resource: owned, scope: 'claims:email' });
    expect(own.status).toBe(200);
    expect(ofUser(own)).toEqual(NONE);
  });
});

describe('policy is told', () => {
  test('whose user it is, and what the mapped claims say', async () => {
    const issuer = await newIssuer({
      label_claims: ['groups', '/org/unit'],
      subject_claim: 'email',
    });
    const text = await tokenOf(
      { email: 'alice@example.com', groups: ['b', 'a'], org: { unit: 7 }, acr: 'high' },
      issuer,
    );
    const answer = await exchange(text);
    expect(claimsOf(answer)).toMatchObject({
      sub: 'alice@example.com',
      sub_labels: ['/org/unit=7', 'groups=a', 'groups=b'],
    });
    const [event] = await zone.audit(answer.requestId);
    const policy = event?.event['policy'] as
      { decisions: { input: { context: { subject_claims: unknown } } }[] } | undefined;
    expect(policy?.decisions[0]?.input.context.subject_claims).toEqual({
      iss: issuer.name,
      sub: 'alice@example.com',
      sub_type: 'user',
      labels: ['/org/unit=7', 'groups=a', 'groups=b'],
      acr: 'high',
      exp: decodeJwt(text).exp,
    });
  });

  test('so that it can tell two issuers apart, and labels', async () => {
    const own = await createTestZone(a);
    const issuers = await Promise.all(
      ['one', 'two'].map(async (word) => {
        const name = `https://${word}-${randomUUID()}.example`;
        await own.admin('POST', '/issuers', registration(name, { label_claims: ['role'] }));
        return { id: '', name, forger: forgerOf(name) };
      }),
    );
    const [one, two] = issuers;
    if (one === undefined || two === undefined) throw new Error('no issuers');
    await own.activate(`@id("users") permit (principal, action, resource) when {
      context has subject_claims && context.subject_claims has iss && context.subject_claims has sub &&
      context.subject_claims.iss == "${one.name}" && context.subject_claims.sub == "alice" &&
      context.subject_claims has labels && context.subject_claims.labels.contains("role=admin") };`);
    const ask = async (issuer: Issuer, claims: Members) =>
      (
        await exchange(await tokenOf(claims, issuer), {
          client_id: own.clientId,
          client_secret: own.secret,
        })
      ).status;
    expect(await ask(one, { role: 'admin' })).toBe(200);
    expect(await ask(two, { role: 'admin' })).toBe(403);
    expect(await ask(one, { role: 'user' })).toBe(403);
    expect(await ask(one, {})).toBe(403);
    await own.activate(PERMIT_ALL);
  });
});

describe('refuses', () => {
  test('every hostile token, in one body, and records why', async () => {
    const before = await view.created();
    const answers = await Promise.all(
      hostileIssuerTokens.map(({ forge }) =>
        persistently(async () => exchange(await forge(idp.forger))),
      ),
    );
    const audit = await view.audit(answers.map(({ requestId }) => requestId));
    expect(
      answers.map(({ status, body, requestId }, i) => ({
        name: hostileIssuerTokens[i]?.name,
        status,
        error: body['error'],
        description: body['error_description'],
        events: audit.get(requestId)?.map(({ outcome, event }) => [outcome, event.reason]),
      })),
    ).toEqual(
      hostileIssuerTokens.map(({ name, reason }) => ({
        name,
        status: 400,
        error: 'invalid_request',
        description: 'the subject_token is not usable',
        events: [['denied', `subject_token: ${reason}`]],
      })),
    );
    expect(await view.created()).toEqual(before);
  });

  test.each<[string, () => Promise<Answer>, string]>([
    [
      'a token as an access token',
      async () => exchange(await tokenOf(), { subject_token_type: ACCESS_TOKEN }),
      'unknown_kid',
    ],
    [
      'an ID token of nobody',
      async () =>
        exchange(await tokenOf({ iss: 'https://nobody' }), { subject_token_type: ID_TOKEN }),
      'of no trusted issuer',
    ],
    [
      'a JWT of nobody',
      async () => exchange(await tokenOf({ iss: 'https://nobody' })),
      'unknown_kid',
    ],
    [
      'a JWT that says it is ours',
      async () => exchange(await tokenOf({ iss: zone.issuer }, idp, { typ: 'at+jwt' })),
      'unknown_kid',
    ],
    [
      'an issuer with a slash appended',
      async () => exchange(await tokenOf({ iss: `${idp.name}/` })),
      'unknown_kid',
    ],
    ['a list of issuers', async () => exchange(await tokenOf({ iss: [idp.name] })), 'unknown_kid'],
    [
      'a mandate as an ID token',
      async () =>
        exchange(String((await zone.session()).body['access_token']), {
          subject_token_type: ID_TOKEN,
        }),
      'of no trusted issuer',
    ],
    [
      'an access token as an ID token',
      async () =>
        exchange(await tokenOf({}, idp, { typ: 'at+jwt' }), { subject_token_type: ID_TOKEN }),
      'unsupported_typ',
    ],
    ['no token at all', async () => exchange('x'), 'not_three_segments'],
  ])('%s', async (_name, send, reason) => {
    await expectRefused(view, await send(), { ...UNUSABLE, reason: `subject_token: ${reason}` });
  });

  test('a token as an actor token', async () => {
    const answer = await zone.exchange({ actor_token: await tokenOf(), actor_token_type: JWT });
    await expectRefused(view, answer, {
      status: 400,
      error: 'invalid_request',
      description: 'the actor_token is not usable',
    });
  });

  test.each<[string, object, Members, Members, string | null]>([
    [
      'jwt only',
      { token_types: ['jwt'] },
      {},
      { subject_token_type: ID_TOKEN },
      'token_type_not_allowed',
    ],
    ['assertions only', { token_types: ['client_assertion'] }, {}, {}, 'token_type_not_allowed'],
    ['other algorithms', { algorithms: ['RS256'] }, {}, {}, 'alg_not_allowed'],
    ['other clients', { allowed_client_ids: [] }, {}, {}, null],
    ['a maximum age', { max_age_seconds: 60 }, { iat: now() - 62 }, {}, 'too_old'],
    ['a maximum age, without iat', { max_age_seconds: 60 }, { iat: undefined }, {}, 'invalid_iat'],
    ['a maximum age that is kept', { max_age_seconds: 60 }, {}, {}, null],
    ['a condition', { claim_conditions: { hd: ['a.example'] } }, {}, {}, 'condition_not_met'],
    [
      'a condition, met',
      { claim_conditions: { hd: ['b.example', 'a.example'] } },
      { hd: 'a.example' },
      {},
      null,
    ],
    [
      'a condition of another type',
      { claim_conditions: { level: [1] } },
      { level: '1' },
      {},
      'condition_not_met',
    ],
    [
      'a condition on a list',
      { claim_conditions: { groups: ['x'] } },
      { groups: ['y', 'x'] },
      {},
      null,
    ],
    [
      'a condition deep inside',
      { claim_conditions: { '/a/b~1c': [true] } },
      { a: { 'b/c': true } },
      {},
      null,
    ],
    [
      'one condition of two',
      { claim_conditions: { a: [1], b: [1] } },
      { a: 1 },
      {},
      'condition_not_met',
    ],
    [
      'many labels',
      { label_claims: ['groups'] },
      { groups: Array.from({ length: 51 }, String) },
      {},
      'invalid_labels',
    ],
  ])(
    'what its issuer is not registered for: %s',
    async (_name, body, claims, parameters, reason) => {
      const issuer = await newIssuer(body);
      const answer = await exchange(await tokenOf(claims, issuer), parameters as Parameters);
      if (reason === null) expect(answer.status).toBe(200);
      else await expectRefused(view, answer, { ...UNUSABLE, reason: `subject_token: ${reason}` });
    },
  );

  test('a client that the issuer is not for', async () => {
    const { clientId, secret } = await zone.newClient();
    const issuer = await newIssuer({ allowed_client_ids: [clientId] });
    const text = await tokenOf({}, issuer);
    await expectRefused(view, await exchange(text), {
      ...UNUSABLE,
      reason: 'subject_token: client_not_allowed',
    });
    const allowed = await exchange(text, { client_id: clientId, client_secret: secret });
    expect(allowed.status).toBe(200);
  });

  test('an issuer of another zone', async () => {
    const foreign = await createTestZone(a);
    const answer = await exchange(await tokenOf(), {
      client_id: foreign.clientId,
      client_secret: foreign.secret,
      subject_token_type: ID_TOKEN,
    });
    await expectRefused(view, answer, {
      ...UNUSABLE,
      reason: 'subject_token: of no trusted issuer',
    });
  });

  test('a deleted issuer, at every replica in the next request, and ends its sessions', async () => {
    const issuer = await newIssuer();
    const text = await tokenOf({}, issuer);
    const first = await exchange(text, {}, b);
    expect(first.status).toBe(200);
    await zone.admin('DELETE', `/issuers/${issuer.id}`);
    await expectRefused(view, await exchange(text, { subject_token_type: ID_TOKEN }, b), {
      ...UNUSABLE,
      reason: 'subject_token: of no trusted issuer',
    });
    const session = await zone.admin('GET', `/sessions/${String(claimsOf(first)['sid'])}`);
    expect(session['ended_at']).not.toBeNull();
  });
});

const issuersPath = () => `/zones/${zone.zoneId}/issuers`;

describe('operators', () => {
  test('register, list, show, replace and remove issuers, all in the audit log', async () => {
    const name = `https://${randomUUID()}.example`;
    const made = await callAdmin(a, 'POST', issuersPath(), registration(name));
    expect(made.status).toBe(201);
    const id = String(made.body['id']);
    expect(made.headers.get('location')).toBe(`/internal${issuersPath()}/${id}`);
    expect(made.body).toMatchObject({
      issuer: name,
      jwks: { keys: [key.publicJwk] },
      audiences: [AUDIENCE],
      algorithms: SIGNING_ALGS.toSorted(),
      token_types: ['id_token', 'jwt'],
      claim_conditions: {},
      subject_claim: 'sub',
      label_claims: [],
      allowed_client_ids: [],
    });
    expect(await zone.admin('GET', `/issuers/${id}`)).toEqual(made.body);
    const { items } = (await zone.admin('GET', '/issuers')) as { items: { id: string }[] };
    expect(items.map((item) => item.id)).toContain(id);

    const replaced = await callAdmin(
      a,
      'PUT',
      `${issuersPath()}/${id}`,
      registration(name, { max_age_seconds: 60 }),
    );
    expect(replaced).toMatchObject({ status: 200, body: { id, max_age_seconds: 60 } });
    const renamed = registration('https://else.example');
    expect((await callAdmin(a, 'PUT', `${issuersPath()}/${id}`, renamed)).status).toBe(422);
    const removed = await callAdmin(a, 'DELETE', `${issuersPath()}/${id}`);
    expect(removed.status).toBe(204);
    expect((await callAdmin(a, 'GET', `${issuersPath()}/${id}`)).status).toBe(404);

    const types = await Promise.all(
      [made, replaced, removed].map(async ({ requestId }) =>
        (await zone.audit(requestId)).map(({ event }) => event['type']),
      ),
    );
    expect(types).toEqual([
      ['admin.issuer.created'],
      ['admin.issuer.changed'],
      ['admin.issuer.deleted'],
    ]);
  });

  test.each<[string, () => object, number]>([
    ['ourselves', () => registration(zone.issuer), 422],
    ['the same name twice', () => registration(idp.name), 409],
    ['no name', () => registration(''), 400],
    ['a name with a space', () => registration('https://a b'), 400],
    ['no keys', () => registration('https://x', { jwks: undefined }), 422],
    ['keys in two ways', () => registration('https://x', { jwks_uri: 'https://x.example/' }), 422],
    [
      'a private key',
      () => registration('https://x', { jwks: { keys: [{ ...key.publicJwk, d: 'x' }] } }),
      422,
    ],
    [
      'http',
      () => registration('https://x', { jwks: undefined, jwks_uri: 'http://x.example/' }),
      422,
    ],
    ['no audience', () => registration('https://x', { audiences: [] }), 422],
    ['no token type', () => registration('https://x', { token_types: [] }), 400],
    ['an unknown token type', () => registration('https://x', { token_types: ['saml2'] }), 400],
    ['an unknown algorithm', () => registration('https://x', { algorithms: ['HS256'] }), 400],
    ['alg none', () => registration('https://x', { algorithms: ['none'] }), 400],
    [
      'a condition without values',
      () => registration('https://x', { claim_conditions: { a: [] } }),
      422,
    ],
    [
      'a condition that is no list',
      () => registration('https://x', { claim_conditions: { a: 'x' } }),
      422,
    ],
    [
      'a condition on an object',
      () => registration('https://x', { claim_conditions: { a: [{}] } }),
      422,
    ],
    [
      'an unknown client',
      () => registration('https://x', { allowed_client_ids: [randomUUID()] }),
      422,
    ],
    ['a client that is no id', () => registration('https://x', { allowed_client_ids: ['x'] }), 400],
    ['a broken pointer', () => registration('https://x', { subject_claim: '/a~2' }), 422],
    ['an age of nothing', () => registration('https://x', { max_age_seconds: 0 }), 400],
    ['an unknown member', () => registration('https://x', { trusted: true }), 400],
  ])('cannot register %s', async (_name, body, status) => {
    expect((await callAdmin(a, 'POST', issuersPath(), body())).status).toBe(status);
  });

  test('can be changed while it names a client that was removed, and does not name it anew', async () => {
    const gone = await zone.newClient();
    const name = `https://${randomUUID()}.example`;
    const ids = { allowed_client_ids: [gone.clientId, zone.clientId] };
    const made = await callAdmin(a, 'POST', issuersPath(), registration(name, ids));
    const path = `${issuersPath()}/${String(made.body['id'])}`;
    await zone.admin('DELETE', `/clients/${gone.clientId}`);
    const change = { max_age_seconds: 61 };
    const changed = await callAdmin(a, 'PATCH', path, change);
    expect([changed.status, changed.body]).toMatchObject([
      200,
      { ...change, allowed_client_ids: ids.allowed_client_ids.toSorted() },
    ]);
    expect((await zone.audit(changed.requestId)).map(({ event }) => event)).toMatchObject([
      { type: 'admin.issuer.changed', after: change },
    ]);
    const others = { allowed_client_ids: [gone.clientId, randomUUID()] };
    expect((await callAdmin(a, 'PATCH', path, others)).status).toBe(422);
    const without = { allowed_client_ids: [zone.clientId] };
    expect((await callAdmin(a, 'PATCH', path, without)).status).toBe(200);
    expect((await callAdmin(a, 'PATCH', path, ids)).status).toBe(422);
  });
});

/** Registers a client that is a workload. */
async function bound(identity: object): Promise<string> {
  return (await zone.newClient({ workload_identity: identity })).clientId;
}

describe('a workload', () => {
  const SUBJECT = 'system:serviceaccount:default:web';
  const FAILED = {
    status: 401,
    error: 'invalid_client',
    description: 'client authentication failed',
  };
  let cluster: Issuer;
  let workload: string;

  beforeAll(async () => {
    cluster = await newIssuer({ token_types: ['client_assertion'], audiences: undefined });
    workload = await bound({ issuer: cluster.name, subject: SUBJECT });
  });

  const identityToken = (claims: Members = {}, issuer = cluster) =>
    issuer.forger.sign(
      { typ: undefined },
      {
        sub: SUBJECT,
        aud: [zone.issuer, 'https://kubernetes.default.svc'],
        exp: now() + 3_600,
        ...claims,
      },
    );

  const ask = (text: string, parameters: Parameters = {}, replica = a) =>
    postForm(replica.url, {
      grant_type: 'client_credentials',
      client_id: workload,
      client_assertion: text,
      client_assertion_type: JWT_BEARER,
      resource: zone.resource,
      scope: 'a:read',
      ...parameters,
    });

  test('asks with the token that its cluster gave it, again and again, and has no secret', async () => {
    const shown = await zone.admin('GET', `/clients/${workload}`);
    expect(shown).toMatchObject({
      auth_methods: ['workload_identity'],
      workload_identity: { issuer: cluster.name, subject: SUBJECT },
    });
    const text = await identityToken();
    const answers = [await ask(text), await ask(text), await ask(text, {}, b)];
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    const [first] = answers;
    if (first === undefined) throw new Error('no answer');
    expect(claimsOf(first)).toMatchObject({
      sub: workload,
      sub_type: 'application',
      use: 'session',
    });
    expect(claimsOf(first)['sub_iss']).toBeUndefined();
    expect((await zone.session({ client_id: workload, client_secret: 'x' })).status).toBe(401);
  });

  test.each<[string, Members | (() => Members), string]>([
    ['another workload', { sub: 'system:serviceaccount:default:db' }, 'wrong_sub'],
    ['another audience', { aud: 'https://kubernetes.default.svc' }, 'wrong_audience'],
    ['no audience', { aud: undefined }, 'invalid_aud'],
    // When it is asked, which may be long after this table was made.
    ['a life of more than an hour', () => ({ exp: now() + 3_700 }), 'too_long_lived'],
    ['no end', { exp: undefined }, 'invalid_exp'],
    ['an end', { exp: now() - 40, iat: now() - 100 }, 'expired'],
    ['another issuer', () => ({ iss: idp.name }), 'wrong_issuer'],
    ['the client itself for issuer', () => ({ iss: workload, sub: workload }), 'wrong_issuer'],
  ])('is refused with the token of %s', async (_name, claims, reason) => {
    const changes = typeof claims === 'function' ? claims() : claims;
    await expectRefused(view, await ask(await identityToken(changes)), {
      ...FAILED,
      reason: `client_assertion: ${reason}`,
    });
  });

  test('is not refused for a key of its issuer alone: the issuer must be registered for it', async () => {
    const client = await bound({ issuer: idp.name, subject: SUBJECT });
    const answer = await ask(await identityToken({}, idp), { client_id: client });
    await expectRefused(view, answer, {
      ...FAILED,
      reason: 'client_assertion: token_type_not_allowed',
    });
  });

  test('must be named beside its token', async () => {
    const answer = await ask(await identityToken(), { client_id: undefined });
    await expectRefused(view, answer, { ...FAILED, reason: 'unknown client' });
  });

  test('cannot open a user session with its token, nor a user authenticate a client', async () => {
    const asUser = await exchange(await identityToken({ aud: AUDIENCE }));
    await expectRefused(view, asUser, {
      ...UNUSABLE,
      reason: 'subject_token: token_type_not_allowed',
    });
  });

  test('keeps its issuer: it cannot be removed while a client is bound to it', async () => {
    const path = `/zones/${zone.zoneId}/issuers/${cluster.id}`;
    expect((await callAdmin(a, 'DELETE', path)).status).toBe(409);
    const both = await callAdmin(a, 'POST', `/zones/${zone.zoneId}/clients`, {
      name: randomUUID(),
      auth_methods: ['workload_identity', 'client_secret_post'],
      workload_identity: { issuer: cluster.name, subject: SUBJECT },
    });
    expect(both.status).toBe(422);
  });
});
