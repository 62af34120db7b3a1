import { randomUUID } from 'node:crypto';
import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { borrowReplica, type Replica } from '../setup/harness.js';
import { expectRefused, openLedgerView, type LedgerView } from '../setup/ledger-view.js';
import { until } from '../setup/process.js';
import {
  ACCESS_TOKEN,
  createTestZone,
  PERMIT_ALL,
  TOKEN_EXCHANGE,
  type Answer,
  type Parameters,
  type TestZone,
} from '../setup/zone.js';

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

let replica: Replica;
let zone: TestZone;
let view: LedgerView;

beforeAll(async () => {
  replica = await borrowReplica();
  zone = await createTestZone(replica);
  view = await openLedgerView(replica.databaseUrl);
});
afterAll(async () => {
  await view.close();
  await replica.stop();
});

/** By token exchange without a subject token, which must come to the same. */
function byExchange(parameters: Parameters = {}): Promise<Answer> {
  return zone.session({ grant_type: TOKEN_EXCHANGE, ...parameters });
}

const grants: readonly [string, (parameters?: Parameters) => Promise<Answer>][] = [
  ['client_credentials', (parameters) => zone.session(parameters)],
  ['token exchange without a subject token', byExchange],
];

function tokenOf(answer: Answer): string {
  expect(answer.status, JSON.stringify(answer.body)).toBe(200);
  return String(answer.body['access_token']);
}

/** Seconds since the epoch, as the server counted them when it answered. */
const around = (seconds: number): unknown => ({
  asymmetricMatch: (value: unknown) => Math.abs(Number(value) - seconds) <= 5,
  toString: () => `about ${seconds}`,
});

describe.each(grants)('by %s', (_name, ask) => {
  test('grants exactly the claims of a session mandate', async () => {
    const now = Math.floor(Date.now() / 1_000);
    const answer = await ask();
    const token = tokenOf(answer);
    const claims = decodeJwt(token);
    expect(answer.body).toEqual({
      access_token: token,
      issued_token_type: ACCESS_TOKEN,
      token_type: 'Bearer',
      expires_in: 900,
      scope: 'a:read',
      target_resources: [zone.resource],
    });
    expect(claims).toEqual({
      iss: zone.issuer,
      sub: zone.clientId,
      aud: zone.issuer,
      exp: Number(claims.iat) + 900,
      iat: around(now),
      jti: expect.stringMatching(UUID_V7),
      zone_id: zone.zoneId,
      client_id: zone.clientId,
      scope: 'a:read',
      sid: expect.stringMatching(UUID_V7),
      root_sid: claims['sid'],
      use: 'session',
      sub_type: 'application',
      target: [zone.resource],
      pol: expect.stringMatching(/^[0-9a-f]{12}$/),
    });
    expect(Number.isInteger(claims.iat)).toBe(true);
    const keys = createRemoteJWKSet(
      new URL(`${replica.url}/.well-known/jwks.json?zone_id=${zone.zoneId}`),
    );
    await jwtVerify(token, keys, { issuer: zone.issuer, audience: zone.issuer, typ: 'at+jwt' });
    const header = decodeProtectedHeader(token);
    const response = await fetch(`${replica.url}/.well-known/jwks.json?zone_id=${zone.zoneId}`);
    const { keys: published } = (await response.json()) as { keys: { kid: string }[] };
    expect(header).toEqual({ alg: 'ES256', kid: published[0]?.kid, typ: 'at+jwt' });
  });

  test('records the session and one event that names the mandate', async () => {
    const answer = await ask({ ttl_seconds: '300' });
    const { sid, jti, iat, exp } = decodeJwt(tokenOf(answer));
    const rows = await view.query<Record<string, unknown>>(
      `SELECT root_id, client_id, subject, ended_at, extract(epoch FROM expires_at)::int AS expires_at
         FROM sessions WHERE zone_id = $1 AND id = $2`,
      [zone.zoneId, sid],
    );
    expect(rows).toEqual([
      {
        root_id: sid,
        client_id: zone.clientId,
        subject: zone.clientId,
        ended_at: null,
        expires_at: exp,
      },
    ]);
    const events = await zone.audit(answer.requestId);
    expect(events).toMatchObject([
      {
        zone_id: zone.zoneId,
        outcome: 'issued',
        client_id: zone.clientId,
        jti,
        event: {
          type: 'token_exchange',
          request_id: answer.requestId,
          client_id: zone.clientId,
          requested: { resources: [zone.resource], scope: ['a:read'], ttl_seconds: 300 },
          policy: {
            policy_set_version_id: expect.stringMatching(UUID_V7),
            manifest_sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
            decisions: [{ resource: zone.resource, decision: 'allow' }],
          },
          mandate: {
            jti,
            use: 'session',
            sub: zone.clientId,
            aud: [zone.issuer],
            scope: ['a:read'],
            target: [zone.resource],
            sid,
            root_sid: sid,
            iat,
            exp,
          },
        },
      },
    ]);
    expect(events[0]?.event).not.toHaveProperty('error');
    expect(JSON.stringify(events)).not.toContain(String(answer.body['access_token']));
    expect(JSON.stringify(events)).not.toContain(zone.secret);
  });

  test('grants no scope if none is asked for, and says so', async () => {
    const answer = await ask({ scope: undefined });
    expect(answer.body['scope']).toBe('');
    expect(decodeJwt(tokenOf(answer))['scope']).toBe('');
  });

  test('grants several resources at once', async () => {
    const answer = await ask({ resource: [zone.otherResource, zone.resource], scope: 'shared' });
    expect(answer.body).toMatchObject({
      scope: 'shared',
      target_resources: [zone.otherResource, zone.resource],
    });
    expect(decodeJwt(tokenOf(answer))).toMatchObject({
      aud: zone.issuer,
      target: [zone.otherResource, zone.resource],
    });
  });

  test('refuses a scope that one of several resources lacks', async () => {
    const answer = await ask({ resource: [zone.resource, zone.otherResource], scope: 'a:read' });
    await expectRefused(view, answer, { status: 400, error: 'invalid_scope' });
  });

  test('grants an hour and refuses a second more', async () => {
    const answer = await ask({ ttl_seconds: '3600' });
    const { iat, exp } = decodeJwt(tokenOf(answer));
    expect([answer.body['expires_in'], Number(exp) - Number(iat)]).toEqual([3_600, 3_600]);
    await expectRefused(view, await ask({ ttl_seconds: '3601' }), {
      status: 400,
      error: 'invalid_request',
      reason: /ttl_seconds/,
    });
  });
});

describe('headers', () => {
  test('forbid caches to keep a mandate', async () => {
    const { headers } = await zone.session();
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('content-type')).toMatch(/^application\/json\b/);
    expect(headers.get('etag')).toBeNull();
    expect(headers.get('x-powered-by')).toBeNull();
  });

  test.each([
    ['a', true],
    ['A-Za-z0-9._-', true],
    ['x'.repeat(128), true],
    ['x'.repeat(129), false],
    ['', false],
    ['a b', false],
    ['a,b', false],
    ['a/b', false],
    ['a"b', false],
    ['<script>', false],
    ['\u00e9', false],
  ])('grants the request id %j, as a label beside our own: %s', async (given, kept) => {
    const answer = await zone.session({}, { 'X-Request-Id': given });
    expect(answer.requestId).toMatch(UUID_V7);
    expect(answer.headers.get('x-request-id')).toBe(kept ? given : answer.requestId);
    const events = (await zone.audit(answer.requestId)).map(({ event }) => event);
    expect(events).toMatchObject([{ outcome: 'issued', request_id: answer.requestId }]);
    expect(events[0]?.['request_label']).toBe(kept ? given : undefined);
  });

  test('grants every request an id of its own', async () => {
    const [one, other] = await Promise.all([zone.session(), zone.session()]);
    expect(one.requestId).toMatch(UUID_V7);
    expect(one.requestId).not.toBe(other.requestId);
  });

  test('grants two requests that are called the same an id each', async () => {
    const label = { 'X-Request-Id': `twice.${randomUUID()}` };
    const [one, other] = await Promise.all([zone.session({}, label), zone.session({}, label)]);
    expect(one.requestId).not.toBe(other.requestId);
    for (const { requestId } of [one, other]) expect(await zone.audit(requestId)).toHaveLength(1);
  });

  test('repeat our request id in the body of a refusal, and the label in a header', async () => {
    const label = `refused.${randomUUID()}`;
    const answer = await zone.session({ scope: 'none' }, { 'X-Request-Id': label });
    expect(answer.body['requestId']).toBe(answer.requestId);
    expect(answer.headers.get('x-request-id')).toBe(label);
    await expectRefused(view, answer, { status: 400, error: 'invalid_scope' });
  });
});

function basic(clientId: string, secret: string): { authorization: string } {
  return { authorization: `Basic ${Buffer.from(`${clientId}:${secret}`).toString('base64')}` };
}

function formEncode(text: string): string {
  return encodeURIComponent(text).replaceAll('%20', '+');
}

describe('credentials', () => {
  const withoutSecret = { client_id: undefined, client_secret: undefined };

  test('grants by HTTP Basic', async () => {
    tokenOf(await zone.session(withoutSecret, basic(zone.clientId, zone.secret)));
  });

  test('grants by HTTP Basic with the client named in the body too', async () => {
    const header = basic(zone.clientId, zone.secret);
    tokenOf(await zone.session({ client_secret: undefined }, header));
    tokenOf(await zone.session({ ...withoutSecret, application_id: zone.clientId }, header));
  });

  test.each(['basic', 'BASIC', 'Basic '])('grants by the scheme spelled %j', async (scheme) => {
    const { authorization } = basic(zone.clientId, zone.secret);
    const header = { authorization: authorization.replace('Basic', scheme) };
    tokenOf(await zone.session(withoutSecret, header));
  });

  test('grants with application_id, and with both names if they agree', async () => {
    const application = { application_id: zone.clientId };
    tokenOf(await zone.session({ client_id: undefined, ...application }));
    tokenOf(await zone.session(application));
  });

  test.each([
    'p:ss:word',
    'p%41ss%word',
    'p+s s word',
    'p\u00e4ssw\u00f6rt\u20ac',
    'p&s=s?w/rd',
    'emoji \u{1f511} key',
  ])('grants with the imported secret %j in the body and by Basic', async (secret) => {
    const { clientId } = await zone.newClient();
    await zone.admin('POST', `/clients/${clientId}/secrets`, { secret });
    tokenOf(await zone.session({ client_id: clientId, client_secret: secret }));
    const header = basic(formEncode(clientId), formEncode(secret));
    tokenOf(await zone.session(withoutSecret, header));
  });

  test.each<[string, Parameters, Record<string, string>]>([
    ['no credentials', { client_id: undefined, client_secret: undefined }, {}],
    ['a client without a secret', { client_secret: undefined }, {}],
    ['a secret without a client', { client_id: undefined }, {}],
    ['an empty secret', { client_secret: '' }, {}],
  ])('refuses %s', async (_name, parameters, headers) => {
    const answer = await zone.session(parameters, headers);
    await expectRefused(view, answer, {
      status: 401,
      error: 'invalid_client',
      description: 'client authentication failed',
    });
    expect(answer.headers.get('www-authenticate')).toBeNull();
  });

  test.each([
    ['nothing', 'Basic'],
    ['no base64', 'Basic !!!'],
    ['base64url', `Basic ${Buffer.from('\u00ff\u00fe:\u00ff\u00fe').toString('base64url')}`],
    ['no colon', `Basic ${Buffer.from('client').toString('base64')}`],
    ['no secret', `Basic ${Buffer.from('client:').toString('base64')}`],
    ['no client', `Basic ${Buffer.from(':secret').toString('base64')}`],
    ['bad percent encoding', `Basic ${Buffer.from('client:%zz').toString('base64')}`],
    ['NUL', `Basic ${Buffer.from('client:%00').toString('base64')}`],
    ['bad UTF-8', `Basic ${Buffer.from([0x61, 0x3a, 0xff]).toString('base64')}`],
    ['another scheme', 'Bearer abc'],
  ])(
    'refuses an Authorization header with %s, and asks for Basic',
    async (_name, authorization) => {
      const answer = await zone.session(
        { client_id: undefined, client_secret: undefined },
        { authorization },
      );
      await expectRefused(view, answer, {
        status: 401,
        error: 'invalid_client',
        description: 'client authentication failed',
      });
      expect(answer.headers.get('www-authenticate')).toMatch(/^Basic realm="/);
    },
  );

  test('refuses two clients in header and body', async () => {
    const other = await zone.newClient();
    const header = basic(zone.clientId, zone.secret);
    const answer = await zone.session(
      { client_id: other.clientId, client_secret: undefined },
      header,
    );
    await expectRefused(view, answer, {
      status: 400,
      error: 'invalid_request',
      description: /two different clients/,
    });
  });
});

describe('zones', () => {
  test('grants with the zone named', async () => {
    tokenOf(await zone.session({ zone_id: zone.zoneId }));
  });

  test('refuses other, unknown and malformed zones as it refuses a wrong secret', async () => {
    const other = await createTestZone(replica);
    const wrong = await zone.session({ client_secret: `mds_${'x'.repeat(43)}` });
    for (const zoneId of [other.zoneId, randomUUID(), 'x', zone.zoneId.toUpperCase(), ' ']) {
      // oxlint-disable-next-line no-await-in-loop
      const answer = await zone.session({ zone_id: zoneId });
      expect(answer.status).toBe(wrong.status);
      expect({ ...answer.body, requestId: '' }).toEqual({ ...wrong.body, requestId: '' });
      // oxlint-disable-next-line no-await-in-loop
      expect(await zone.audit(answer.requestId)).toMatchObject([
        {
          zone_id: zone.zoneId,
          outcome: 'denied',
          event: { error: 'invalid_client', reason: 'client of another zone' },
        },
      ]);
    }
  });

  test("refuses another zone's resource", async () => {
    const other = await createTestZone(replica);
    await other.admin('POST', '/resources', { identifier: 'resource://theirs', scopes: [] });
    const answer = await zone.session({ resource: 'resource://theirs', scope: undefined });
    await expectRefused(view, answer, { status: 400, error: 'invalid_target' });
  });
});

describe('a session that exists', () => {
  test('carries another session mandate, which ends no later than it', async () => {
    const { sid, exp } = decodeJwt(tokenOf(await zone.session({ ttl_seconds: '100' })));
    const before = await view.created();
    const answer = await zone.session({ session_id: String(sid), ttl_seconds: '3600' });
    const claims = decodeJwt(tokenOf(answer));
    expect(claims).toMatchObject({ sid, root_sid: sid, exp, use: 'session' });
    expect(await view.created()).toEqual({
      sessions: before.sessions,
      mandates: before.mandates + 1,
    });
  });

  test("refuses another client's, an unknown and a malformed one alike", async () => {
    const other = await zone.newClient();
    const theirs = decodeJwt(
      tokenOf(await zone.session({ client_id: other.clientId, client_secret: other.secret })),
    )['sid'];
    for (const [id, reason] of [
      [String(theirs), 'session of another client'],
      [randomUUID(), 'unknown session'],
      ["' OR true --", 'unknown session'],
    ] as const) {
      // oxlint-disable-next-line no-await-in-loop
      await expectRefused(view, await zone.session({ session_id: id }), {
        status: 400,
        error: 'invalid_grant',
        description: 'the session is not usable',
        reason,
      });
    }
  });

  test('refuses one that has ended', async () => {
    const { sid } = decodeJwt(tokenOf(await zone.session()));
    await zone.admin('DELETE', `/sessions/${String(sid)}`);
    await expectRefused(view, await zone.session({ session_id: String(sid) }), {
      status: 400,
      error: 'invalid_grant',
      description: 'the session is not usable',
      reason: 'the session is not alive',
    });
  });

  test('refuses one that has expired', async () => {
    const { sid } = decodeJwt(tokenOf(await zone.session({ ttl_seconds: '1' })));
    const refused = await until(async () => {
      const answer = await zone.session({ session_id: String(sid) });
      return answer.status === 200 ? null : answer;
    });
    await expectRefused(view, refused, {
      status: 400,
      error: 'invalid_grant',
    });
  });
});

describe('policy', () => {
  let other: TestZone;
  beforeAll(async () => {
    other = await createTestZone(replica);
  });

  test('refuses everything while no set is active', async () => {
    const { id } = (await other.admin('POST', '/policy-sets', { name: 'unused' })) as {
      id: string;
    };
    expect(id).toMatch(UUID_V7);
    await view.query('UPDATE zones SET active_policy_set_version_id = NULL WHERE id = $1', [
      other.zoneId,
    ]);
    await expectRefused(view, await other.session(), {
      status: 403,
      error: 'access_denied',
      reason: 'no policy set is active',
    });
  });

  test('refuses what nothing permits', async () => {
    await other.activate(
      '@id("p") permit (principal, action, resource) when { resource.identifier == "resource://other" };',
    );
    const answer = await other.session();
    await expectRefused(view, answer, {
      status: 403,
      error: 'access_denied',
      description: 'policy does not permit this exchange',
      reason: `denied for ${other.resource}`,
    });
    expect((await other.audit(answer.requestId))[0]?.event).toMatchObject({
      policy: { decisions: [{ resource: other.resource, decision: 'deny' }] },
    });
  });

  test('refuses what is forbidden, whatever else permits it, and records why', async () => {
    await other.activate(
      `${PERMIT_ALL} @id("no") @reason("closed") forbid (principal, action, resource) when { resource.identifier == "resource://b" };`,
    );
    tokenOf(await other.session());
    const before = await view.created();
    const answer = await other.session({
      resource: [other.resource, other.otherResource],
      scope: 'shared',
    });
    await expectRefused(view, answer, { status: 403, error: 'access_denied' });
    expect((await other.audit(answer.requestId))[0]?.event).toMatchObject({
      policy: {
        decisions: [
          { resource: other.resource, decision: 'allow' },
          {
            resource: other.otherResource,
            decision: 'deny',
            determining_policies: [{ policy: 'no', effect: 'forbid', reason: 'closed' }],
          },
        ],
      },
    });
    expect(await view.created()).toEqual(before);
  });

  test('holds what needs a step-up', async () => {
    await other.activate(
      `${PERMIT_ALL} @id("s") @step_up("mfa") forbid (principal, action, resource) unless { context.challenge_resolved };`,
    );
    const answer = await other.session();
    expect([answer.status, answer.body['challenge_type']]).toEqual([401, 'mfa']);
    expect((await other.audit(answer.requestId))[0]).toMatchObject({
      outcome: 'denied',
    });
    expect((await other.audit(answer.requestId))[0]?.event).toMatchObject({
      error: 'interaction_required',
      reason: `step-up mfa is required for ${other.resource}`,
      policy: { decisions: [{ step_up_required: 'mfa' }] },
    });
  });

  test('grants no longer than the smallest @max_ttl of what permits', async () => {
    await other.activate(
      `@max_ttl("200") ${PERMIT_ALL} @id("q") @max_ttl("120") permit (principal, action, resource) when { resource.identifier == "resource://b" };`,
    );
    const lifetime = async (parameters: Parameters) => {
      const answer = await other.session(parameters);
      const { iat, exp } = decodeJwt(tokenOf(answer));
      expect(answer.body['expires_in']).toBe(Number(exp) - Number(iat));
      return Number(exp) - Number(iat);
    };
    expect(await lifetime({})).toBe(200);
    expect(await lifetime({ ttl_seconds: '50' })).toBe(50);
    expect(await lifetime({ resource: other.otherResource, scope: 'shared' })).toBe(120);
    expect(
      await lifetime({ resource: [other.resource, other.otherResource], scope: 'shared' }),
    ).toBe(120);
  });
});
