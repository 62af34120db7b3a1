/** What is signed, counted, limited and recorded of introspections, and what is answered where nothing is known. */
import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tokenOf } from '../setup/agents.js';
import { createDatabase, rows, startReplica, type Replica } from '../setup/harness.js';
import { introspect, introspectAll } from '../setup/introspection.js';
import { persistently } from '../setup/patience.js';
import { proxyDatabase, type ProxiedDatabase } from '../setup/proxied-database.js';
import { callAdmin, createTestZone, TOKEN_EXCHANGE, type TestZone } from '../setup/zone.js';

const JWT = 'application/token-introspection+jwt';

let databaseUrl: string;
let way: ProxiedDatabase;
let replica: Replica;
let framework: Replica;
let zone: TestZone;

beforeAll(async () => {
  databaseUrl = await createDatabase();
  way = await proxyDatabase(databaseUrl);
  [replica, framework] = await Promise.all([
    startReplica({ databaseUrl: way.url }),
    startReplica({ databaseUrl, env: { DIRECT_ROUTES: 'false' } }),
  ]);
  zone = await createTestZone(replica);
});

afterAll(async () => {
  await Promise.all([replica?.stop(), framework?.stop()]);
  await way?.close();
});

const mandate = async (): Promise<string> => tokenOf(await persistently(() => zone.exchange()));

const accepting = (accept: string) => ({ headers: { accept } });

describe('an answer that is signed (RFC 9701)', () => {
  test('is what would have been told, for the caller, of what is not active as well', async () => {
    const token = await mandate();
    const keys = createRemoteJWKSet(
      new URL(`${replica.url}/zones/${zone.zoneId}/.well-known/jwks.json`),
    );
    for (const { url } of [replica, framework]) {
      for (const text of [token, 'no token']) {
        const plain = await introspect(url, text, zone);
        const signed = await introspect(url, text, zone, accepting(JWT));
        expect(signed.status).toBe(200);
        expect(signed.headers.get('content-type')).toBe(JWT);
        expect(signed.headers.get('cache-control')).toBe('no-store');
        const { payload } = await jwtVerify(signed.text, keys, {
          typ: 'token-introspection+jwt',
          issuer: zone.issuer,
          audience: zone.clientId,
        });
        expect(Object.keys(payload).toSorted()).toEqual([
          'aud',
          'iat',
          'iss',
          'token_introspection',
        ]);
        expect(payload['token_introspection']).toEqual(plain.body);
      }
    }
  });

  test.each([
    [JWT, true],
    [JWT.toUpperCase(), true],
    [`application/json;q=0.5, ${JWT}`, true],
    [`application/json, ${JWT};q=0.9`, false],
    [`${JWT};q=0, */*`, false],
    ['*/*', false],
    ['text/html', false],
  ])('is sent for Accept: %s: %s', async (accept, isSigned) => {
    const { headers, text } = await introspect(replica.url, 'x', zone, accepting(accept));
    expect([headers.get('content-type') === JWT, text === '{"active":false}']).toEqual([
      isSigned,
      !isSigned,
    ]);
  });

  test('passes for no mandate, whatever is made of it', async () => {
    const signed = (await introspect(replica.url, await mandate(), zone, accepting(JWT))).text;
    expect(decodeProtectedHeader(signed).typ).toBe('token-introspection+jwt');
    const exchanged = await zone.exchange({ subject_token: signed });
    expect([exchanged.status, exchanged.body['error']]).toEqual([400, 'invalid_request']);
    const assertion = await zone.session({
      grant_type: TOKEN_EXCHANGE,
      client_secret: undefined,
      client_assertion: signed,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    });
    expect(assertion.status).toBe(401);
    const headers = { authorization: `Bearer ${signed}` };
    expect((await introspect(replica.url, 'x', null, { headers })).status).toBe(401);
    expect((await introspect(replica.url, signed, zone)).text).toBe('{"active":false}');
  });
});

describe('a client with introspection_signed_response_alg (RFC 9701 6)', () => {
  test('gets a JWT of that algorithm unless it asks for JSON, until it is taken away', async () => {
    const caller = await zone.newClient({ introspection_signed_response_alg: 'ES256' });
    const path = `/clients/${caller.clientId}`;
    expect(await zone.admin('GET', path)).toMatchObject({
      introspection_signed_response_alg: 'ES256',
    });
    const isSigned = async (accept: string, at = replica) => {
      const { headers, text } = await introspect(at.url, 'x', caller, accepting(accept));
      if (headers.get('content-type') !== JWT) return text === '{"active":false}' ? false : text;
      expect(decodeProtectedHeader(text)).toMatchObject({ alg: 'ES256' });
      expect(decodeJwt(text)).toMatchObject({ aud: caller.clientId });
      return true;
    };
    const said = async (at = replica) =>
      Promise.all(
        [
          '*/*',
          'text/html',
          `${JWT}, application/json`,
          'application/json',
          `${JWT};q=0.5, */*`,
        ].map((accept) => isSigned(accept, at)),
      );
    expect(await said()).toEqual([true, true, true, false, false]);
    expect(await said(framework)).toEqual([true, true, true, false, false]);
    // Many at once are told in JSON.
    const many = await introspectAll(replica.url, { tokens: ['x'] }, caller);
    expect(many.body).toEqual({ results: [{ active: false }] });

    const changed = await zone.admin('PATCH', path, { introspection_signed_response_alg: null });
    expect(changed).not.toHaveProperty('introspection_signed_response_alg');
    await expect.poll(() => said()).toEqual([false, false, true, false, false]);
  });

  test('can have only one with which the zone signs', async () => {
    const register = (introspection_signed_response_alg: unknown) =>
      callAdmin(replica, 'POST', `/zones/${zone.zoneId}/clients`, {
        name: `signed by ${String(introspection_signed_response_alg)}`,
        introspection_signed_response_alg,
      });
    const metadata = await fetch(`${replica.url}/zones/${zone.zoneId}/metadata`);
    expect(await metadata.json()).toMatchObject({
      introspection_signing_alg_values_supported: ['ES256'],
    });
    expect((await register('PS256')).status).toBe(422);
    for (const wrong of ['none', 'HS256', '', 'es256', ['ES256'], 1]) {
      // oxlint-disable-next-line no-await-in-loop
      expect((await register(wrong)).status, String(wrong)).toBe(400);
    }
    const { clientId } = await zone.newClient();
    const change = await callAdmin(replica, 'PATCH', `/zones/${zone.zoneId}/clients/${clientId}`, {
      introspection_signed_response_alg: 'RS256',
    });
    expect(change.status).toBe(422);
  });
});

describe('what is recorded', () => {
  const events = (requestId: string) => zone.audit(requestId);
  const wanted = (which: string) =>
    rows(databaseUrl, 'UPDATE zones SET introspection_audit = $2 WHERE id = $1', [
      zone.zoneId,
      which,
    ]);

  test('is what the zone wants: nothing, what was refused, or all', async () => {
    const token = await mandate();
    const ask = async (text: string) =>
      events((await introspect(replica.url, text, zone)).requestId);
    expect([await ask(token), await ask('x')]).toEqual([[], []]);
    await wanted('refused');
    expect(await ask(token)).toEqual([]);
    expect(await ask('x')).toMatchObject([
      {
        outcome: 'done',
        client_id: zone.clientId,
        event: {
          type: 'introspection',
          authenticated_by: 'client',
          tokens: [{ active: false, reason: 'malformed' }],
        },
      },
    ]);
    await wanted('all');
    const { jti, sid } = decodeJwt(token);
    const list = await introspectAll(replica.url, { tokens: [token, 'x'] }, zone);
    expect(await events(list.requestId)).toMatchObject([
      {
        event: {
          tokens: [
            { active: true, reason: 'live', jti, sid, client_id: zone.clientId },
            { active: false, reason: 'malformed' },
          ],
        },
      },
    ]);
    // Not even the text of what is none.
    const secret = await introspect(replica.url, 'a secret in the wrong place', zone);
    expect(JSON.stringify(await events(secret.requestId))).not.toContain('secret');
    await wanted('none');
  });
});

test('is counted by what was answered, and why', async () => {
  const count = async (labels: string): Promise<number> => {
    const text = await (await fetch(`${replica.url}/metrics`)).text();
    const line = text
      .split('\n')
      .find((one) => one.startsWith(`mandate_introspections_total{${labels}}`));
    return Number(line?.split(' ')[1] ?? 0);
  };
  const live = 'result="active",reason="live"';
  const malformed = 'result="inactive",reason="malformed"';
  const stranger = 'result="inactive",reason="not_yours"';
  const before = [await count(live), await count(malformed), await count(stranger)];
  const token = await mandate();
  await introspectAll(replica.url, { tokens: [token, token, 'x'] }, zone);
  await introspect(replica.url, token, await zone.newClient());
  const after = [await count(live), await count(malformed), await count(stranger)];
  expect(after.map((now, n) => now - (before[n] ?? 0))).toEqual([2, 1, 1]);
});

test('ten tokens of a list count as one request', async () => {
  const limited = await startReplica({
    databaseUrl,
    env: { RATE_LIMIT_CLIENT: '1/9', RATE_LIMIT_ZONE: '1000/1000' },
  });
  try {
    const tokens = (count: number) => ({ tokens: Array.from({ length: count }, () => 'x') });
    const statuses: number[] = [];
    // Ten are there at once: a list of a hundred takes them all.
    for (const count of [100, 100]) {
      const { clientId, secret } = await zone.newClient();
      const caller = { clientId, secret };
      statuses.push((await introspectAll(limited.url, tokens(count), caller)).status);
      statuses.push((await introspectAll(limited.url, tokens(91), caller)).status);
    }
    expect(statuses).toEqual([200, 429, 200, 429]);
    const caller = await zone.newClient();
    for (let n = 0; n < 5; n += 1) {
      expect((await introspectAll(limited.url, tokens(10), caller)).status).toBe(200);
    }
  } finally {
    await limited.stop();
  }
});

test('without the database nothing is said of a mandate', async () => {
  const token = await mandate();
  expect((await introspect(replica.url, token, zone)).body['active']).toBe(true);
  const proxy = await way.before(zone.zoneId);
  proxy.forwardTo(null);
  proxy.cut();
  try {
    for (const text of [token, 'x']) {
      const answer = await introspect(replica.url, text, zone);
      expect([answer.status, answer.body['error']]).toEqual([503, 'temporarily_unavailable']);
      expect(answer.text).not.toContain('active');
      expect(answer.headers.get('retry-after')).not.toBeNull();
    }
  } finally {
    way.open();
  }
  const again = await persistently(() => introspect(replica.url, token, zone));
  expect(again.body['active']).toBe(true);
});

describe('what was taken back by its generation', () => {
  const raise = (kind: string, name: string) =>
    rows(databaseUrl, 'SELECT raise_generation($1, $2, $3)', [zone.zoneId, kind, name]);

  test.each(['client', 'resource', 'zone'])('a %s', async (kind) => {
    const token = await mandate();
    const ask = async () => (await introspect(framework.url, token, zone)).body['active'];
    expect(await ask()).toBe(true);
    const names = { client: zone.clientId, resource: zone.resource, zone: zone.zoneId };
    await raise(kind, names[kind as keyof typeof names]);
    expect(await ask()).toBe(false);
    const next = await mandate();
    expect((await introspect(framework.url, next, zone)).body['active']).toBe(true);
  });
});
