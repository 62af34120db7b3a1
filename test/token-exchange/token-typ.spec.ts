import { randomUUID } from 'node:crypto';
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { borrowReplica, type Replica } from '../setup/harness.js';
import { expectRefused, openLedgerView, type LedgerView } from '../setup/ledger-view.js';
import { exchangeAs, newService, type Service } from '../setup/services.js';
import { foreignForger, newKey } from '../setup/tokens/foreign-tokens.js';
import type { ForgerKey, Members, TokenForger } from '../setup/tokens/token-forger.js';
import { stealZoneKey } from '../setup/zone-key.js';
import {
  ACCESS_TOKEN,
  callAdmin,
  createTestZone,
  postForm,
  type Answer,
  type Parameters,
  type TestZone,
} from '../setup/zone.js';

const JWT = 'urn:ietf:params:oauth:token-type:jwt';
const ID_TOKEN = 'urn:ietf:params:oauth:token-type:id_token';
const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

let replica: Replica;
let zone: TestZone;
let view: LedgerView;
/** A service whose decoder takes `JWT` only. */
let spring: Service;
/** One that takes what RFC 9068 says. */
let strict: Service;
/** The keys of the zone, and one of a stranger. */
let zoneKey: ForgerKey;
let otherKey: ForgerKey;

beforeAll(async () => {
  replica = await borrowReplica();
  zone = await createTestZone(replica);
  view = await openLedgerView(replica.databaseUrl);
  strict = await newService(zone, 'resource://strict', ['read']);
  const client = await zone.newClient();
  const made = await zone.admin('POST', '/resources', {
    identifier: 'resource://spring',
    scopes: ['read'],
    owner_client_id: client.clientId,
    token_typ: 'JWT',
  });
  expect(made).toMatchObject({ token_typ: 'JWT' });
  spring = { ...client, resource: 'resource://spring' };
  zoneKey = await stealZoneKey(zone);
  otherKey = await newKey('ES256', 'another');
});
afterAll(async () => {
  await view?.close();
  await replica?.stop();
});

const tokenOf = ({ body }: Answer): string => String(body['access_token']);
const typOf = (answer: Answer) => decodeProtectedHeader(tokenOf(answer)).typ;
const seconds = () => Math.floor(Date.now() / 1_000);

/** A mandate for resources. */
async function mandateFor(...resource: string[]): Promise<Answer> {
  const wanted = { resource, scope: 'read' };
  const subject_token = tokenOf(await zone.session(wanted));
  return zone.exchange({ ...wanted, subject_token });
}

/** A forger who has the key of the zone, and starts from what a client or issuer would sign. */
const zoneForger = (claims: Members): TokenForger =>
  foreignForger('ES256', zoneKey, otherKey, { iat: seconds(), exp: seconds() + 60, ...claims });

const UNUSABLE = { status: 400, error: 'invalid_request' };

describe('a resource that takes typ JWT only', () => {
  test('gets it, and no other does', async () => {
    const answer = await mandateFor(spring.resource);
    expect(answer.status).toBe(200);
    expect(typOf(answer)).toBe('JWT');
    // As its decoder does.
    const keys = createRemoteJWKSet(
      new URL(`${replica.url}/zones/${zone.zoneId}/.well-known/jwks.json`),
    );
    const expected = { issuer: zone.issuer, audience: spring.resource, typ: 'JWT' };
    const { payload } = await jwtVerify(tokenOf(answer), keys, expected);
    expect(payload).toMatchObject({ use: 'resource', aud: spring.resource });
    expect(typOf(await mandateFor(strict.resource))).toBe('at+jwt');
    // A session mandate is for us.
    expect(typOf(await zone.session({ resource: spring.resource, scope: 'read' }))).toBe('at+jwt');
  });

  test('gets no mandate together with one that takes at+jwt', async () => {
    const answer = await mandateFor(spring.resource, strict.resource);
    await expectRefused(view, answer, {
      status: 400,
      error: 'invalid_target',
      description: 'the resources take mandates of different types; ask for them apart',
      reason: 'JWT: resource://spring, at+jwt: resource://strict',
    });
    const both = `resource://${randomUUID()}`;
    await zone.admin('POST', '/resources', {
      identifier: both,
      scopes: ['read'],
      token_typ: 'JWT',
    });
    expect(typOf(await mandateFor(spring.resource, both))).toBe('JWT');
  });

  test('is registered, changed and shown', async () => {
    const identifier = `resource://${randomUUID()}`;
    const { id, ...made } = await zone.admin('POST', '/resources', {
      identifier,
      scopes: ['read'],
    });
    expect(made).toMatchObject({ token_typ: 'at+jwt' });
    const at = `/resources/${String(id)}`;
    for (const [token_typ, now] of [
      ['JWT', 'JWT'],
      [null, 'at+jwt'],
      ['JWT', 'JWT'],
      ['at+jwt', 'at+jwt'],
    ] as const) {
      // oxlint-disable no-await-in-loop -- one after the other
      expect(await zone.admin('PATCH', at, { token_typ })).toMatchObject({ token_typ: now });
      expect(typOf(await mandateFor(identifier))).toBe(now);
      // oxlint-enable no-await-in-loop
    }
    await zone.admin('PATCH', at, { token_typ: 'JWT' });
    await zone.admin('PATCH', at, { scopes: ['read', 'write'] });
    expect(await zone.admin('GET', at)).toMatchObject({ token_typ: 'JWT' });
  });

  test.each(['', 'jwt', 'AT+JWT', 'id+jwt', 'JWT ', null, 1, ['JWT']])(
    'is not registered as %j',
    async (token_typ) => {
      const body = { identifier: `resource://${randomUUID()}`, scopes: ['read'], token_typ };
      const path = `/zones/${zone.zoneId}/resources`;
      expect((await callAdmin(replica, 'POST', path, body)).status).toBe(400);
    },
  );
});

/** Presents a token as each class of token that there is, and says what comes of it. */
async function presented(token: string, owner: Service): Promise<Record<string, unknown>> {
  const target = { resource: zone.resource, scope: 'a:read' };
  const as = async (sent: Promise<Answer>) => {
    const { status, body, requestId } = await sent;
    const [event] = await zone.audit(requestId);
    return [status, body['error'] ?? 'issued', event?.event['reason'] ?? 'none'].join(', ');
  };
  const assert = (client: string) =>
    postForm(replica.url, {
      grant_type: 'client_credentials',
      client_id: client,
      client_assertion: token,
      client_assertion_type: JWT_BEARER,
      ...target,
    });
  const jwks = { keys: [{ ...zoneKey.publicJwk, kid: zoneKey.kid }] };
  const { clientId: byKey } = await zone.newClient({ jwks });
  const name = `https://idp-${randomUUID()}.example`;
  await zone.admin('POST', '/issuers', {
    issuer: name,
    jwks,
    audiences: [zone.issuer, owner.resource],
    token_types: ['jwt', 'id_token', 'client_assertion'],
  });
  const { clientId: byWorkload } = await zone.newClient({
    workload_identity: { issuer: name, subject: zone.clientId },
  });
  const bearer = await fetch(`${replica.url}/agent-sessions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ lifecycle: 'task' }),
  });
  const subject = (client: { clientId: string; secret: string }, more: Parameters = {}) =>
    as(exchangeAs(client, replica.url, token, { ...target, ...more }));
  return {
    'subject token of its owner': await subject(owner),
    'subject token of its owner, as a jwt': await subject(owner, { subject_token_type: JWT }),
    'subject token of another': await subject(owner === spring ? strict : spring),
    'subject token of the client': await subject(zone),
    'ID token': await subject(owner, { subject_token_type: ID_TOKEN }),
    'actor token': await as(
      zone.exchange({ actor_token: token, actor_token_type: ACCESS_TOKEN, ...target }),
    ),
    'session of an application': bearer.status,
    'assertion of a client': await as(assert(byKey)),
    'token of a workload': await as(assert(byWorkload)),
  };
}

describe('typ JWT', () => {
  test('makes a mandate neither more nor less than at+jwt', async () => {
    const asJwt = await presented(tokenOf(await mandateFor(spring.resource)), spring);
    const asAtJwt = await presented(tokenOf(await mandateFor(strict.resource)), strict);
    expect(asAtJwt).toEqual({
      'subject token of its owner': '200, issued, none',
      'subject token of its owner, as a jwt': '200, issued, none',
      'subject token of another':
        '400, invalid_request, subject_token: for no resource of the client',
      'subject token of the client':
        '400, invalid_request, subject_token: for no resource of the client',
      'ID token': '400, invalid_request, subject_token: of no trusted issuer',
      'actor token': '400, invalid_request, actor_token: not a session mandate',
      'session of an application': 401,
      'assertion of a client': '401, invalid_client, client_assertion: unsupported_typ',
      'token of a workload': '401, invalid_client, client_assertion: unsupported_typ',
    });
    expect(asJwt).toEqual({
      ...asAtJwt,
      // Even to a client or issuer that has registered the keys of the zone as its own.
      'assertion of a client': '401, invalid_client, client_assertion: wrong_issuer',
      'token of a workload': '401, invalid_client, client_assertion: wrong_issuer',
    });
  });

  test('makes no mandate of a client assertion, not even of one that the zone has signed', async () => {
    const { clientId } = await zone.newClient({ jwks: { keys: [otherKey.publicJwk] } });
    const claims = { iss: clientId, sub: clientId, aud: zone.issuer, jti: randomUUID() };
    const own = foreignForger('ES256', otherKey, zoneKey, {
      ...claims,
      iat: seconds(),
      exp: seconds() + 60,
    });
    for (const [token, reason] of [
      [await own.sign(), 'unknown_kid'],
      [await own.sign({ kid: zoneKey.kid }), 'bad_signature'],
      [await zoneForger(claims).sign(), 'wrong_issuer'],
      [await zoneForger({ ...claims, iss: zone.issuer }).sign(), 'wrong_zone'],
    ] as const) {
      for (const subject_token_type of [ACCESS_TOKEN, JWT]) {
        // oxlint-disable-next-line no-await-in-loop -- one of them is enough to fail
        const answer = await zone.exchange({ subject_token: token, subject_token_type });
        // oxlint-disable-next-line no-await-in-loop
        await expectRefused(view, answer, { ...UNUSABLE, reason: `subject_token: ${reason}` });
      }
    }
  });

  test("makes no mandate of an issuer's token, whose subject may be a client of ours", async () => {
    const name = `https://idp-${randomUUID()}.example`;
    await zone.admin('POST', '/issuers', {
      issuer: name,
      jwks: { keys: [otherKey.publicJwk] },
      audiences: [zone.issuer],
      token_types: ['jwt'],
    });
    const claims = { iss: name, sub: zone.clientId, aud: zone.issuer };
    const token = await foreignForger('ES256', otherKey, zoneKey, {
      ...claims,
      iat: seconds(),
      exp: seconds() + 60,
    }).sign();
    // As what it is, it names a user.
    const user = await zone.exchange({ subject_token: token, subject_token_type: JWT });
    expect(user.status).toBe(200);
    const [event] = await zone.audit(user.requestId);
    expect(event?.event).toMatchObject({ mandate: { sub: zone.clientId, sub_iss: name } });
    const answer = await zone.exchange({ subject_token: token });
    await expectRefused(view, answer, { ...UNUSABLE, reason: 'subject_token: unknown_kid' });
    const actor = { actor_token: token, actor_token_type: ACCESS_TOKEN };
    await expectRefused(view, await zone.exchange(actor), {
      ...UNUSABLE,
      reason: 'actor_token: unknown_kid',
    });
  });

  test('makes no session, whoever has signed it', async () => {
    const session = tokenOf(await zone.session());
    const [, payload = ''] = session.split('.');
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Members;
    const forger = zoneForger(claims);
    const genuine = await forger.sign({ typ: 'at+jwt' });
    expect((await zone.exchange({ subject_token: genuine })).status).toBe(200);
    const retyped = await forger.sign();
    await expectRefused(view, await zone.exchange({ subject_token: retyped }), {
      ...UNUSABLE,
      reason: 'subject_token: wrong_typ',
    });
    const call = (token: string) =>
      fetch(`${replica.url}/agent-sessions`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ lifecycle: 'task' }),
      });
    expect((await call(genuine)).status).toBe(201);
    expect((await call(retyped)).status).toBe(401);
    // And what says of itself no class at all is none.
    const classless = await forger.sign({}, { use: undefined });
    await expectRefused(view, await zone.exchange({ subject_token: classless }), {
      ...UNUSABLE,
      reason: 'subject_token: invalid_use',
    });
  });
});
