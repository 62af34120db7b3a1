import { randomUUID } from 'node:crypto';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { applicationOf, tokenOf } from '../setup/agents.js';
import { gatewayHeaders, newGatewayKey } from '../setup/gateway.js';
import { createDatabase, rows, startReplica, type Replica } from '../setup/harness.js';
import {
  basic,
  introspect,
  introspectAll,
  type Credentials,
  type IntrospectionReply,
} from '../setup/introspection.js';
import { createTestZone, type TestZone } from '../setup/zone.js';

const KEY = newGatewayKey();
const INACTIVE = '{"active":false}';
const BEHIND_GATEWAY = 'resource://behind-the-gateway';

let direct: Replica;
let framework: Replica;
let zone: TestZone;
let owner: Credentials;
let reader: Credentials;
let stranger: Credentials;

beforeAll(async () => {
  const databaseUrl = await createDatabase();
  const env = { GATEWAY_HMAC_KEY: KEY };
  [direct, framework] = await Promise.all([
    startReplica({ databaseUrl, env }),
    startReplica({ databaseUrl, env: { ...env, DIRECT_ROUTES: 'false' } }),
  ]);
  zone = await createTestZone(direct);
  [owner, reader, stranger] = await Promise.all([
    zone.newClient(),
    zone.newClient(),
    zone.newClient(),
  ]);
  await zone.admin('POST', '/resources', {
    identifier: 'resource://owned',
    scopes: ['o:read', 'shared'],
    owner_client_id: owner.clientId,
    introspection_client_ids: [reader.clientId],
    revocation: 'introspect',
  });
  await zone.admin('POST', '/resources', {
    identifier: BEHIND_GATEWAY,
    scopes: ['g:read'],
    access: 'gateway',
    upstream_url: 'https://upstream.example/api',
  });
});

afterAll(async () => {
  await Promise.all([direct?.stop(), framework?.stop()]);
});

/** A mandate for the owned resource and another one. */
async function mandate(parameters: Record<string, string | string[]> = {}): Promise<string> {
  const wanted = { resource: ['resource://owned', zone.resource], scope: 'shared' };
  const subject = tokenOf(await zone.session({ ...wanted, ...parameters }));
  return tokenOf(await zone.exchange({ subject_token: subject, ...wanted, ...parameters }));
}

const me = (): Credentials => ({ clientId: zone.clientId, secret: zone.secret });

/** The same asked in front of the framework and within it, at the endpoints of all zones and of this one. */
async function everywhere(
  ask: (url: string, path: string) => Promise<IntrospectionReply>,
): Promise<IntrospectionReply> {
  const paths = ['/oauth/2/introspect', `/zones/${zone.zoneId}/oauth/2/introspect`];
  const asked = [direct, framework].flatMap(({ url }) => paths.map((path) => ask(url, path)));
  const [first, ...others] = await Promise.all(asked);
  if (first === undefined) throw new Error('nothing was asked');
  const seen = ({ status, text, headers }: IntrospectionReply) => ({
    status,
    text: text.replaceAll(/"requestId":"[^"]*"/g, ''),
    type: headers.get('content-type'),
    cache: headers.get('cache-control'),
    length: headers.get('content-length'),
  });
  for (const other of others) expect(seen(other)).toEqual(seen(first));
  return first;
}

describe('who may know', () => {
  test('the client that a mandate was issued to sees all of it', async () => {
    const token = await mandate();
    const claims = decodeJwt(token);
    const answer = await everywhere((url, path) => introspect(url, token, me(), { path }));
    expect(answer.status).toBe(200);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.body).toEqual({
      active: true,
      iss: zone.issuer,
      sub: zone.clientId,
      sub_type: 'application',
      aud: claims.aud,
      client_id: zone.clientId,
      scope: claims['scope'],
      exp: claims.exp,
      iat: claims.iat,
      jti: claims.jti,
      token_type: 'Bearer',
      zone_id: zone.zoneId,
      use: 'resource',
      sid: claims['sid'],
      root_sid: claims['root_sid'],
      target: claims['target'],
      revocation: 'introspect',
    });
  });

  test('its session mandate as well, which nobody else knows of', async () => {
    const token = tokenOf(await zone.session({ resource: 'resource://owned', scope: 'o:read' }));
    expect((await introspect(direct.url, token, me())).body).toMatchObject({
      active: true,
      use: 'session',
      aud: zone.issuer,
      target: ['resource://owned'],
    });
    expect((await introspect(direct.url, token, owner)).text).toBe(INACTIVE);
  });

  test('the owner of a resource, and whom it lets ask, see the share of that resource', async () => {
    const token = await mandate();
    for (const caller of [owner, reader]) {
      const answer = await everywhere((url, path) => introspect(url, token, caller, { path }));
      expect(answer.body).toMatchObject({
        active: true,
        sub: zone.clientId,
        aud: 'resource://owned',
        target: ['resource://owned'],
        scope: 'shared',
        revocation: 'introspect',
      });
      expect(answer.text).not.toContain(zone.resource);
    }
  });

  test('to everybody else there is no such mandate', async () => {
    const token = await mandate();
    const answer = await everywhere((url, path) => introspect(url, token, stranger, { path }));
    expect([answer.status, answer.text]).toEqual([200, INACTIVE]);
    // An owner of something else is a stranger here.
    const other = await mandate({ resource: zone.resource, scope: 'a:read' });
    expect((await introspect(direct.url, other, owner)).text).toBe(INACTIVE);
    expect((await introspect(direct.url, other, me())).body['active']).toBe(true);
  });

  test('a gateway knows of what is for resources behind it', async () => {
    const session = tokenOf(await zone.session({ resource: BEHIND_GATEWAY, scope: 'g:read' }));
    const form = new URLSearchParams({
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      client_id: zone.clientId,
      subject_token: session,
      subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      resource: BEHIND_GATEWAY,
    }).toString();
    const exchanged = await post('/oauth/2/token', form);
    const token = String(exchanged['access_token']);
    const path = '/oauth/2/introspect';
    const asked = new URLSearchParams({ token, client_id: stranger.clientId }).toString();
    expect(await post(path, asked)).toMatchObject({ active: true, aud: BEHIND_GATEWAY });
    expect(await post(path, asked)).toMatchObject({ active: true });
    const direct1 = await mandate();
    const other = new URLSearchParams({ token: direct1, client_id: stranger.clientId }).toString();
    expect(await post(path, other)).toEqual({ active: false });
    expect((await introspect(direct.url, token, stranger)).text).toBe(INACTIVE);

    async function post(to: string, body: string): Promise<Record<string, unknown>> {
      const response = await fetch(`${direct.url}${to}`, {
        method: 'POST',
        body,
        headers: {
          'content-type': 'application/x-www-form-urlencoded',
          ...gatewayHeaders({ key: KEY, body, path: to }),
        },
      });
      expect(response.status).toBe(200);
      return (await response.json()) as Record<string, unknown>;
    }
  });

  test('a chain of actors is told in full, the current one outermost', async () => {
    const [first, second] = await Promise.all([applicationOf(zone), applicationOf(zone)]);
    const [source, target] = [await first.open(), await second.open()];
    const edge = await first.delegate(source, target);
    await second.accept(edge);
    const exchanged = await second.exchange({
      agent_session_id: target,
      delegation_edge_id: edge,
      actor_token: await first.bearer(),
      actor_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      resource: zone.resource,
    });
    const token = tokenOf(exchanged);
    const { body } = await introspect(direct.url, token, second);
    expect(body).toMatchObject({
      active: true,
      agent_session_id: target,
      delegation_edge_id: edge,
      delegation_chain: decodeJwt(token)['delegation_chain'],
      act: { sub: first.clientId, client_id: first.clientId, sub_type: 'application' },
    });
  });
});

describe('policy', () => {
  test('may forbid what would be told, by resource, and adds nothing', async () => {
    const own = await createTestZone(direct);
    const [first, second] = await Promise.all([own.newClient(), own.newClient()]);
    await own.admin('POST', '/resources', {
      identifier: 'resource://p',
      scopes: ['p:read', 'shared'],
      owner_client_id: first.clientId,
      introspection_client_ids: [second.clientId],
    });
    const wanted = { resource: ['resource://p', own.resource], scope: 'shared' };
    const subject = tokenOf(await own.session(wanted));
    const token = tokenOf(await own.exchange({ subject_token: subject, ...wanted }));
    const active = async (caller: Credentials) =>
      (await introspect(direct.url, token, caller)).body['active'];
    const issuedTo = { clientId: own.clientId, secret: own.secret };
    const permitAll = '@id("all") permit (principal, action, resource);';
    // What is said of all actions was said of the exchange.
    await own.activate(
      `${permitAll} @id("none") forbid (principal, action, resource) when { principal == Application::"${first.clientId}" };`,
    );
    expect([await active(first), await active(second)]).toEqual([true, true]);
    await own.activate(
      `${permitAll}
       @id("blind") forbid (principal == Application::"${second.clientId}", action == Action::"Introspect", resource);
       @id("more") permit (principal, action == Action::"Introspect", resource);
       @id("part") forbid (principal == Application::"${own.clientId}", action in [Action::"Introspect"],
                           resource == Resource::"resource://p") when { context has subject_claims && context.subject_claims has use && context.subject_claims.use == "resource" };`,
    );
    expect([await active(first), await active(second)]).toEqual([true, false]);
    expect(await introspect(direct.url, token, issuedTo)).toMatchObject({
      body: { active: true, target: [own.resource], aud: own.resource },
    });
    const outsider = await own.newClient();
    expect(await active(outsider)).toBe(false);
    // One that errs forbids: what it would have said is not known.
    await own.activate(
      `${permitAll} @id("errs") forbid (principal, action == Action::"Introspect", resource)
         when { context.requested_scopes.contains("shared") && 9223372036854775807 + 1 > 0 };`,
    );
    expect([await active(first), await active(issuedTo)]).toEqual([false, false]);
    expect((await own.session()).status).toBe(200);
  });
});

describe('how it is asked', () => {
  test('a client authenticates as at the token endpoint, or shows its session mandate', async () => {
    const token = await mandate();
    const secretInForm = await everywhere((url, path) =>
      raw(url, path, { token, client_id: zone.clientId, client_secret: zone.secret }),
    );
    expect(secretInForm.body['active']).toBe(true);
    const bearer = tokenOf(await zone.session());
    const byBearer = await everywhere((url, path) =>
      introspect(url, token, null, { path, headers: { authorization: `Bearer ${bearer}` } }),
    );
    expect(byBearer.body['active']).toBe(true);
    expect(await refused({ token }, {})).toMatchObject({ status: 401, error: 'invalid_client' });
    expect(await refused({ token }, basic({ ...me(), secret: 'wrong' }))).toMatchObject({
      status: 401,
      error: 'invalid_client',
    });
    expect(await refused({ token }, { authorization: `Bearer ${token}` })).toMatchObject({
      status: 401,
      error: 'invalid_token',
    });
    expect(
      await refused({ token, client_secret: zone.secret }, { authorization: `Bearer ${bearer}` }),
    ).toMatchObject({ status: 400, error: 'invalid_request' });
    expect(
      await refused({ token, client_id: owner.clientId }, { authorization: `Bearer ${bearer}` }),
    ).toMatchObject({ status: 401, error: 'invalid_token' });
    // A client without credentials is a public one, and those are told nothing.
    expect(await refused({ token, client_id: zone.clientId }, {})).toMatchObject({ status: 401 });
  });

  test('a session mandate is refused as soon as its session has ended', async () => {
    const session = tokenOf(await zone.session());
    const token = await mandate();
    const headers = { authorization: `Bearer ${session}` };
    expect((await introspect(framework.url, token, null, { headers })).status).toBe(200);
    await zone.admin('DELETE', `/sessions/${String(decodeJwt(session)['sid'])}`);
    const { status, body } = await introspect(framework.url, token, null, { headers });
    expect([status, body['error']]).toEqual([401, 'invalid_token']);
  });

  test('a client of another zone than that of the path is refused like any that is wrong', async () => {
    const other = await createTestZone(direct);
    const token = await mandate();
    const path = `/zones/${other.zoneId}/oauth/2/introspect`;
    const bearer = tokenOf(await zone.session());
    for (const { url } of [direct, framework]) {
      expect(await introspect(url, token, me(), { path })).toMatchObject({
        status: 401,
        body: { error: 'invalid_client' },
      });
      const headers = { authorization: `Bearer ${bearer}` };
      expect(await introspect(url, token, null, { path, headers })).toMatchObject({
        status: 401,
        body: { error: 'invalid_token' },
      });
    }
    // Its own endpoint says of a mandate of another zone what it says of any text.
    const theirs = { clientId: other.clientId, secret: other.secret };
    expect((await introspect(direct.url, token, theirs)).text).toBe(INACTIVE);
  });

  test.each([
    ['no token', 'a=b'],
    ['an empty token', 'token='],
    ['two tokens', 'token=a&token=b'],
    ['what is no form', 'token=%zz'],
    ['two clients', `token=a&client_id=${randomUUID()}`],
  ])('refuses %s', async (_what, body) => {
    const answer = await everywhere((url, path) => rawText(url, path, body));
    expect([answer.status, answer.body['error']]).toEqual([400, 'invalid_request']);
  });

  test('refuses a query', async () => {
    const answer = await rawText(direct.url, '/oauth/2/introspect?token=a', 'token=a');
    expect([answer.status, answer.body['error']]).toEqual([400, 'invalid_request']);
  });

  test('answers every text of a token, of whatever kind or length, in the same words', async () => {
    const valid = await mandate();
    const [header = '', payload = '', signature = ''] = valid.split('.');
    const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const claims = decodeJwt(valid);
    const texts = [
      'x',
      'a.b.c',
      '\0',
      `${valid}\0`,
      'x'.repeat(100_000),
      'é\u{1F600}\uFFFD',
      `${header}.${payload}.`,
      `${header}.${payload}.${signature.slice(0, -4)}AAAA`,
      `${encoded({ alg: 'none', typ: 'at+jwt' })}.${payload}.`,
      `${encoded({ alg: 'HS256', typ: 'at+jwt', kid: 'k' })}.${payload}.${signature}`,
      `${header}.${encoded({ ...claims, scope: 'admin' })}.${signature}`,
      `${header}.${encoded({ ...claims, target: 'x', aud: {} })}.${signature}`,
      `${header}.${encoded([])}.${signature}`,
    ];
    for (const text of texts) {
      const answer = await everywhere((url, path) => introspect(url, text, me(), { path }));
      expect([text.slice(0, 40), answer.status, answer.text]).toEqual([
        text.slice(0, 40),
        200,
        INACTIVE,
      ]);
    }
  });

  async function refused(form: Record<string, string>, headers: Record<string, string>) {
    const answer = await everywhere((url, path) => raw(url, path, form, headers));
    return { status: answer.status, error: answer.body['error'] };
  }

  function raw(
    url: string,
    path: string,
    form: Record<string, string>,
    headers: Record<string, string> = {},
  ): Promise<IntrospectionReply> {
    return rawText(url, path, new URLSearchParams(form).toString(), headers);
  }

  async function rawText(
    url: string,
    path: string,
    body: string,
    headers: Record<string, string> = basic(me()),
  ): Promise<IntrospectionReply> {
    const response = await fetch(`${url}${path}`, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      text,
      body: JSON.parse(text) as Record<string, unknown>,
      requestId: '',
    };
  }
});

describe('a list of tokens', () => {
  test('is answered in its order, also what is there twice', async () => {
    const [one, other] = [await mandate(), await mandate()];
    const foreign = tokenOf(await (await createTestZone(direct)).session());
    const answer = await everywhere((url, path) =>
      introspectAll(url, { tokens: [one, 'x', other, foreign, one, ''] }, me(), { path }),
    );
    expect(answer.status).toBe(200);
    const { results } = answer.body as { results: Record<string, unknown>[] };
    expect(results.map(({ active, jti }) => [active, jti])).toEqual([
      [true, decodeJwt(one).jti],
      [false, undefined],
      [true, decodeJwt(other).jti],
      [false, undefined],
      [true, decodeJwt(one).jti],
      [false, undefined],
    ]);
  });

  test('may have a hundred, and its client may be named in it', async () => {
    const token = await mandate();
    const credentials = { client_id: zone.clientId, client_secret: zone.secret };
    const tokens = Array.from({ length: 100 }, (_, n) => (n % 2 === 0 ? token : `x${n}`));
    const { body } = await introspectAll(direct.url, { tokens, ...credentials }, null);
    const { results } = body as { results: Record<string, unknown>[] };
    expect(results.map(({ active }) => active)).toEqual(tokens.map((_, n) => n % 2 === 0));
  });

  test('may have any text in it', async () => {
    const token = await mandate();
    const tokens = [token, '\0', `${token}\0`, '\ud800', '","'.repeat(5_000), '[{'.repeat(5_000)];
    const answer = await everywhere((url, path) => introspectAll(url, { tokens }, me(), { path }));
    const { results } = answer.body as { results: Record<string, unknown>[] };
    expect(results?.map(({ active }) => active)).toEqual(tokens.map((_, n) => n === 0));
  });

  test('is not read before anybody is known if it has very many members', async () => {
    for (const body of [
      { tokens: Array.from({ length: 2_000 }, () => ({})) },
      Object.fromEntries(Array.from({ length: 2_000 }, (_, n) => [`m${n}`, n])),
    ]) {
      const answer = await everywhere((url, path) => introspectAll(url, body, null, { path }));
      expect([answer.status, answer.text]).toEqual([
        400,
        expect.stringContaining('too many members'),
      ]);
    }
  });

  test.each([
    ['none', { tokens: [] }],
    ['a hundred and one', { tokens: Array.from({ length: 101 }, () => 'x') }],
    ['what is no list', { tokens: 'x' }],
    ['what is no text', { tokens: ['x', 1] }],
    ['nothing of the kind', { token: 'x' }],
  ])('of %s is refused', async (_what, body) => {
    const answer = await everywhere((url, path) => introspectAll(url, body, me(), { path }));
    expect([answer.status, answer.body['error']]).toEqual([400, 'invalid_request']);
  });
});

describe('what was taken back', () => {
  /** Introspects at the other replica, where the mandate was known to be active before. */
  async function activeAfter(token: string, takeBack: () => Promise<unknown>, caller = me()) {
    const ask = async () => (await introspect(framework.url, token, caller)).body['active'];
    expect(await ask()).toBe(true);
    await takeBack();
    return ask();
  }

  test('a mandate, and what it was exchanged from', async () => {
    const subject = tokenOf(await zone.session());
    const token = tokenOf(await zone.exchange({ subject_token: subject }));
    const sibling = tokenOf(await zone.exchange({ subject_token: subject }));
    const revoke = (jti: unknown) => () => zone.admin('POST', '/revocations', { jti });
    expect(await activeAfter(token, revoke(decodeJwt(token).jti))).toBe(false);
    expect(await activeAfter(sibling, revoke(decodeJwt(subject).jti))).toBe(false);
  });

  test('a session, a client, an actor', async () => {
    const token = await mandate();
    const sid = String(decodeJwt(token)['sid']);
    expect(await activeAfter(token, () => zone.admin('DELETE', `/sessions/${sid}`))).toBe(false);
    const application = await applicationOf(zone);
    const forOwned = { resource: 'resource://owned', scope: 'shared' };
    const theirs = tokenOf(
      await application.exchange({
        subject_token: await application.bearer(forOwned),
        ...forOwned,
      }),
    );
    const disable = () =>
      zone.admin('PATCH', `/clients/${application.clientId}`, { disabled: true });
    expect(await activeAfter(theirs, disable, owner)).toBe(false);
    await zone.admin('PATCH', `/clients/${application.clientId}`, { disabled: false });
    expect((await introspect(framework.url, theirs, owner)).body['active']).toBe(true);
    const actor = await applicationOf(zone);
    const acted = tokenOf(
      await zone.exchange({
        actor_token: await actor.bearer(),
        actor_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      }),
    );
    const remove = () => zone.admin('PATCH', `/clients/${actor.clientId}`, { disabled: true });
    expect(await activeAfter(acted, remove)).toBe(false);
  });

  test('an agent session, a delegation', async () => {
    const [first, second] = await Promise.all([applicationOf(zone), applicationOf(zone)]);
    const [source, target] = [await first.open(), await second.open()];
    const edge = await first.delegate(source, target);
    await second.accept(edge);
    const delegated = () =>
      second
        .exchange({
          agent_session_id: target,
          delegation_edge_id: edge,
          resource: zone.resource,
        })
        .then(tokenOf);
    const [one, other] = [await delegated(), await delegated()];
    const revoke = () => first.call('DELETE', `/delegations/${edge}`);
    expect(await activeAfter(one, revoke, second)).toBe(false);
    expect((await introspect(direct.url, other, second)).text).toBe(INACTIVE);
    const agent = await first.open();
    const own = tokenOf(await first.exchange({ agent_session_id: agent, resource: zone.resource }));
    const end = () => first.call('DELETE', `/agent-sessions/${agent}`);
    expect(await activeAfter(own, end, first)).toBe(false);
  });

  test('a key, a resource that is somebody else’s now, a zone', async () => {
    const own = await createTestZone(direct);
    const theirs = { clientId: own.clientId, secret: own.secret };
    const token = tokenOf(await own.exchange());
    const { keys } = (await (
      await fetch(`${direct.url}/zones/${own.zoneId}/.well-known/jwks.json`)
    ).json()) as { keys: { kid: string }[] };
    await rows(
      direct.databaseUrl,
      'UPDATE signing_keys SET compromised_at = now() WHERE zone_id = $1 AND kid = ANY ($2)',
      [own.zoneId, keys.map(({ kid }) => kid)],
    );
    expect((await introspect(framework.url, token, theirs)).text).toBe(INACTIVE);

    const [before, after] = await Promise.all([zone.newClient(), zone.newClient()]);
    const { id } = await zone.admin('POST', '/resources', {
      identifier: 'resource://handed-on',
      scopes: ['h:read'],
      owner_client_id: before.clientId,
    });
    const handed = await mandate({ resource: 'resource://handed-on', scope: 'h:read' });
    const change = () =>
      zone.admin('PATCH', `/resources/${String(id)}`, { owner_client_id: after.clientId });
    expect(await activeAfter(handed, change, before)).toBe(false);
    expect((await introspect(framework.url, handed, after)).body['active']).toBe(true);

    const gone = await createTestZone(direct);
    const last = tokenOf(await gone.exchange());
    const caller = { clientId: gone.clientId, secret: gone.secret };
    expect((await introspect(framework.url, last, caller)).body['active']).toBe(true);
    await gone.admin('DELETE', '');
    expect(await introspect(framework.url, last, caller)).toMatchObject({ status: 401 });
  });
});
