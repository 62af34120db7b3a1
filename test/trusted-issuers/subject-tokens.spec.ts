import { randomUUID } from 'node:crypto';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { borrowReplicas, type Replica, rows } from '../setup/harness.js';
import { expectRefused, openLedgerView, type LedgerView } from '../setup/ledger-view.js';
import { persistently } from '../setup/patience.js';
import {
  ACCESS_TOKEN,
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
