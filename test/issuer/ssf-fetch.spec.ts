import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { decodeJwt, exportJWK, generateKeyPair, SignJWT } from 'jose';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { createDatabase, rows, startReplica, type Replica } from '../setup/harness.js';
import { ALLOW_KEY_SERVER as ALLOW_ALL } from '../setup/key-server.js';
import { SESSION_REVOKED } from '../setup/signal-receiver.js';
import { persistently } from '../setup/patience.js';
import {
  callAdmin,
  createTestZone,
  postForm,
  TOKEN_EXCHANGE,
  type TestZone,
} from '../setup/zone.js';

const PATIENCE = { interval: 50 };
const TOKEN = 'poll-token-of-the-test';

let a: Replica;
let b: Replica;

beforeAll(async () => {
  const databaseUrl = await createDatabase();
  [a, b] = await Promise.all([
    startReplica({ databaseUrl, env: ALLOW_ALL }),
    startReplica({ databaseUrl, env: ALLOW_ALL }),
  ]);
});
afterAll(async () => {
  await Promise.all([a?.stop(), b?.stop()]);
});

/** A request of a poller (RFC 8936 2.2). */
interface Asked {
  readonly maxEvents: number;
  readonly returnImmediately: boolean;
  readonly ack: readonly string[];
  readonly setErrs: Readonly<Record<string, { err: string }>>;
}

/** An identity provider whose events are fetched. */
interface Transmitter {
  readonly url: string;
  readonly issuer: string;
  readonly issuerId: string;
  readonly registration: Record<string, unknown>;
  readonly asked: (Asked & { readonly authorization: string | undefined })[];
  /** What is on the stream and not acknowledged, by `jti`. */
  readonly held: Map<string, string>;
  /** Puts on the stream that what a user has is revoked. */
  revoke(sub: string, claims?: object): Promise<string>;
  /** Lets a user of it have a session in the zone. @returns its id */
  session(sub: string): Promise<string>;
  /** How many requests it has had at once, at most. */
  readonly atOnce: number;
}

async function newTransmitter(
  zone: TestZone,
  misbehave?: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<Transmitter> {
  const issuer = `https://idp-${randomUUID()}.example`;
  const { publicKey, privateKey } = await generateKeyPair('RS256');
  const state = { now: 0, most: 0 };
  const asked: Transmitter['asked'] = [];
  const held: Transmitter['held'] = new Map();
  const server: Server = createServer((request, response) => {
    if (misbehave !== undefined) {
      asked.push({
        ack: [],
        setErrs: {},
        maxEvents: 0,
        returnImmediately: true,
        authorization: '',
      });
      misbehave(request, response);
      return;
    }
    state.now += 1;
    state.most = Math.max(state.most, state.now);
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = JSON.parse(Buffer.concat(chunks).toString()) as Asked;
      asked.push({ ...body, authorization: request.headers.authorization });
      for (const jti of [...body.ack, ...Object.keys(body.setErrs)]) held.delete(jti);
      state.now -= 1;
      const sets = Object.fromEntries([...held].slice(0, body.maxEvents));
      response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(JSON.stringify({ sets, moreAvailable: held.size > body.maxEvents }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/poll`;
  const jwk = { ...(await exportJWK(publicKey)), kid: 'idp', alg: 'RS256', use: 'sig' };
  const registration = {
    issuer,
    jwks: { keys: [jwk] },
    audiences: ['https://mandate.example'],
    token_types: ['jwt'],
    ssf_poll_url: url,
    ssf_poll_token: TOKEN,
  };
  const revoke: Transmitter['revoke'] = async (sub, claims = {}) => {
    const jti = randomUUID();
    const set = await new SignJWT({
      iss: issuer,
      aud: zone.issuer,
      jti,
      iat: Math.floor(Date.now() / 1_000),
      sub_id: { format: 'iss_sub', iss: issuer, sub },
      events: { [SESSION_REVOKED]: {} },
      ...claims,
    })
      .setProtectedHeader({ alg: 'RS256', kid: 'idp', typ: 'secevent+jwt' })
      .sign(privateKey);
    held.set(jti, set);
    return jti;
  };
  const session: Transmitter['session'] = async (sub) => {
    const iat = Math.floor(Date.now() / 1_000);
    const claims = { iss: issuer, sub, aud: 'https://mandate.example', iat, exp: iat + 600 };
    const token = await new SignJWT(claims)
      .setProtectedHeader({ alg: 'RS256', kid: 'idp', typ: 'JWT' })
      .sign(privateKey);
    const answer = await persistently(() =>
      postForm(a.url, {
        grant_type: TOKEN_EXCHANGE,
        client_id: zone.clientId,
        client_secret: zone.secret,
        subject_token: token,
        subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
        resource: zone.resource,
        scope: 'a:read',
      }),
    );
    expect(answer.status).toBe(200);
    return String(decodeJwt(String(answer.body['access_token']))['sid']);
  };
  const made = await zone.admin('POST', '/issuers', registration);
  onTestFinished(async () => {
    await callAdmin(a, 'DELETE', `/zones/${zone.zoneId}/issuers/${String(made['id'])}`);
  });
  return {
    url,
    issuer,
    issuerId: String(made['id']),
    registration,
    asked,
    held,
    revoke,
    session,
    get atOnce() {
      return state.most;
    },
  };
}

const revocationsOf = (zone: TestZone) =>
  rows<{ sub: string; sessions: number }>(
    a.databaseUrl,
    `SELECT audit_event(e) -> 'subject' ->> 'sub' AS sub, (audit_event(e) -> 'sessions')::integer AS sessions
       FROM audit_events e WHERE zone_id = $1 AND audit_event(e) ->> 'type' = 'ssf.session_revoked' ORDER BY seq`,
    [zone.zoneId],
  );

const show = async (zone: TestZone, { issuerId }: Transmitter) =>
  (await callAdmin(a, 'GET', `/zones/${zone.zoneId}/issuers/${issuerId}`)).body;

test('fetches what an issuer says, acts on it once, and acknowledges exactly that', async () => {
  const zone = await createTestZone(a);
  const transmitter = await newTransmitter(zone);
  const sid = await transmitter.session('alice');
  const good = await transmitter.revoke('alice');
  const wrong = await transmitter.revoke('bob', { aud: 'https://other.example' });
  transmitter.held.set('no-token', 'nonsense');
  await expect.poll(() => transmitter.held.size, PATIENCE).toBe(0);
  expect(await revocationsOf(zone)).toEqual([{ sub: 'alice', sessions: 1 }]);
  expect(
    await rows(a.databaseUrl, 'SELECT ended_at IS NOT NULL AS ended FROM sessions WHERE id = $1', [
      sid,
    ]),
  ).toEqual([{ ended: true }]);
  expect(transmitter.asked.flatMap(({ ack }) => ack)).toEqual([good]);
  const errors = transmitter.asked.flatMap(({ setErrs }) =>
    Object.entries(setErrs).map(([jti, { err }]): [string, string] => [jti, err]),
  );
  expect(Object.fromEntries(errors)).toEqual({
    [wrong]: 'invalid_audience',
    'no-token': 'invalid_request',
  });
  for (const { returnImmediately, maxEvents, authorization } of transmitter.asked) {
    expect(returnImmediately).toBe(true);
    expect(maxEvents).toBeLessThanOrEqual(25);
    expect(authorization).toBe(`Bearer ${TOKEN}`);
  }
  await expect
    .poll(async () => (await show(zone, transmitter))['ssf_poll'], PATIENCE)
    .toMatchObject({ failures: 0, last_error: null, answered_at: expect.any(String) });
});

test('one replica at a time asks, and what comes again counts no second time', async () => {
  const zone = await createTestZone(a);
  const transmitter = await newTransmitter(zone);
  const jtis = new Set<string>();
  // More than one turn takes in an answer.
  for (let n = 0; n < 60; n += 1) jtis.add(await transmitter.revoke(`user-${n}`));
  const again = new Map(transmitter.held);
  await expect.poll(() => transmitter.held.size, PATIENCE).toBe(0);
  for (const [jti, set] of again) transmitter.held.set(jti, set);
  await expect.poll(() => transmitter.held.size, PATIENCE).toBe(0);
  expect(await revocationsOf(zone)).toHaveLength(60);
  expect(transmitter.atOnce).toBe(1);
});

test('what an issuer does wrong is waited out, and is no matter of others', async () => {
  const zone = await createTestZone(a);
  let followed = 0;
  const elsewhere = await newTransmitter(await createTestZone(a), (request, response) => {
    if (request.url?.endsWith('?followed')) followed += 1;
    response.writeHead(500).end();
  });
  const wrongs: [string, (response: ServerResponse) => void][] = [
    ['500', (response) => response.writeHead(500).end()],
    ['307', (response) => response.writeHead(307, { location: `${elsewhere.url}?followed` }).end()],
    ['not JSON', (response) => response.writeHead(200, { 'content-type': 'text/html' }).end('{}')],
    [
      'no sets',
      (response) =>
        response.writeHead(200, { 'content-type': 'application/json' }).end('{"sets":[]}'),
    ],
    [
      'too large',
      (response) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        const more = (): void => {
          while (!response.destroyed && response.write(' '.repeat(65_536)));
        };
        response.on('drain', more);
        more();
      },
    ],
    ['too long', () => {}],
  ];
  const bad = [];
  for (const [why, answer] of wrongs) {
    const transmitter = await newTransmitter(zone, (_request, response) => answer(response));
    bad.push({ why, transmitter });
  }
  const good = await newTransmitter(zone);
  await good.revoke('alice');
  await expect.poll(() => good.held.size, PATIENCE).toBe(0);
  for (const { why, transmitter } of bad) {
    await expect
      .poll(async () => (await show(zone, transmitter))['ssf_poll'], {
        ...PATIENCE,
        message: why,
      })
      .toMatchObject({ last_error: expect.stringContaining(why) });
  }
  expect(followed).toBe(0);
  expect(await revocationsOf(zone)).toEqual([{ sub: 'alice', sessions: 0 }]);
});

test('the token is sealed, kept where nothing is said of it, and never shown', async () => {
  const zone = await createTestZone(a);
  const transmitter = await newTransmitter(zone);
  const path = `/zones/${zone.zoneId}/issuers/${transmitter.issuerId}`;
  const { ssf_poll_token: _token, ...without } = transmitter.registration;
  const sealed = async () =>
    (
      await rows<{ sealed: Buffer | null }>(
        a.databaseUrl,
        'SELECT sealed_ssf_poll_token AS sealed FROM trusted_issuers WHERE id = $1',
        [transmitter.issuerId],
      )
    )[0]?.sealed;
  const first = await sealed();
  expect(first?.includes(TOKEN)).toBe(false);
  const same = await callAdmin(a, 'PUT', path, without);
  expect([same.status, same.body['has_ssf_poll_token']]).toEqual([200, true]);
  expect(await sealed()).toEqual(first);
  const moved = await callAdmin(a, 'PUT', path, {
    ...without,
    ssf_poll_url: `${transmitter.url}?elsewhere`,
  });
  expect([moved.status, moved.body['has_ssf_poll_token']]).toEqual([200, false]);
  expect(await sealed()).toBe(null);
  await callAdmin(a, 'PUT', path, transmitter.registration);
  const removed = await callAdmin(a, 'PUT', path, { ...without, ssf_poll_token: null });
  expect([removed.status, removed.body['has_ssf_poll_token']]).toEqual([200, false]);
  const { ssf_poll_url: _url, ...nowhere } = without;
  const none = await callAdmin(a, 'PUT', path, nowhere);
  expect([none.status, Object.keys(none.body).filter((name) => name.includes('ssf'))]).toEqual([
    200,
    [],
  ]);
  const events = await rows(
    a.databaseUrl,
    'SELECT audit_event(e) AS event FROM audit_events e WHERE zone_id = $1',
    [zone.zoneId],
  );
  expect(JSON.stringify(events)).not.toContain(TOKEN);
  expect(JSON.stringify(events)).toContain(transmitter.url);
});

test.each<[string, number, object]>([
  ['another scheme', 422, { ssf_poll_url: 'ftp://x.example' }],
  ['no place', 422, { ssf_poll_url: '' }],
  ['credentials in it', 422, { ssf_poll_url: 'https://user:password@x.example/' }],
  ['a token for nowhere', 422, { ssf_poll_token: TOKEN }],
  ['null', 400, { ssf_poll_url: null }],
  ['a list', 400, { ssf_poll_url: ['https://x.example'] }],
  ['an empty token', 400, { ssf_poll_url: 'https://x.example', ssf_poll_token: '' }],
  [
    'a header in the token',
    400,
    { ssf_poll_url: 'https://x.example', ssf_poll_token: 'a\r\nX-Evil: b' },
  ],
  ['NUL in the token', 400, { ssf_poll_url: 'https://x.example', ssf_poll_token: 'a\u0000' }],
  [
    'a token that is too long',
    400,
    { ssf_poll_url: 'https://x.example', ssf_poll_token: 'a'.repeat(4_001) },
  ],
])('%s is refused with %i', async (_what, status, more) => {
  const zone = await createTestZone(a);
  const { publicKey } = await generateKeyPair('ES256');
  const answer = await callAdmin(a, 'POST', `/zones/${zone.zoneId}/issuers`, {
    issuer: `https://idp-${randomUUID()}.example`,
    jwks: { keys: [{ ...(await exportJWK(publicKey)), kid: 'idp', alg: 'ES256', use: 'sig' }] },
    audiences: ['https://mandate.example'],
    token_types: ['jwt'],
    ...more,
  });
  expect(answer.status).toBe(status);
});
