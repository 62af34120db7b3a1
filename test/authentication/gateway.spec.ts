import { createHash, createHmac, randomBytes, randomUUID } from 'node:crypto';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { gatewayHeaders, newGatewayKey } from '../setup/gateway.js';
import { asking, openLedger, payment } from '../setup/payments.js';
import { auditOf, rows, startReplica, type AuditRow, type Replica } from '../setup/harness.js';
import { sendRawForm } from '../setup/raw-form.js';
import {
  ACCESS_TOKEN,
  createTestZone,
  TOKEN_EXCHANGE,
  type Answer,
  type Parameters,
  type TestZone,
} from '../setup/zone.js';

const KEY = newGatewayKey();
const GATEWAY_ONLY = 'resource://behind-the-gateway';
const UPSTREAM = 'https://upstream.example/api';

let replica: Replica;
let twin: Replica;
let zone: TestZone;
let session: string;

beforeAll(async () => {
  const env = { GATEWAY_HMAC_KEY: KEY };
  replica = await startReplica({ env });
  twin = await startReplica({ env, databaseUrl: replica.databaseUrl });
  zone = await createTestZone(replica);
  await zone.admin('POST', '/resources', {
    identifier: GATEWAY_ONLY,
    scopes: ['orders:read', 'orders:write'],
    access: 'gateway',
    upstream_url: UPSTREAM,
    operations: [
      { method: 'GET', path: '/orders/{id}', scope: 'orders:read' },
      { method: 'POST', path: '/orders', scope: 'orders:write' },
    ],
  });
  session = await sessionFor({ resource: [zone.resource], scope: 'a:read a:write' });
});

afterAll(async () => {
  await Promise.all([replica.stop(), twin.stop()]);
});

async function sessionFor(parameters: Parameters): Promise<string> {
  const answer = await zone.session(parameters);
  expect(answer).toMatchObject({ status: 200 });
  return String(answer.body['access_token']);
}

interface Knobs {
  readonly parameters?: Parameters;
  readonly url?: string;
  readonly timestamp?: number;
  readonly request?: string;
  readonly key?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** What is sent instead of what was signed. */
  readonly tamper?: (body: string) => string;
}

/** A gateway's exchange: valid by default, one knob turned. */
function throughGateway({
  parameters = {},
  url = replica.url,
  timestamp = Math.floor(Date.now() / 1_000),
  request = randomUUID(),
  key = KEY,
  path = '/oauth/2/token',
  headers = {},
  tamper = (body) => body,
}: Knobs = {}): Promise<Answer> {
  const form = new URLSearchParams();
  const all: Parameters = {
    grant_type: TOKEN_EXCHANGE,
    client_id: zone.clientId,
    subject_token: session,
    subject_token_type: ACCESS_TOKEN,
    resource: zone.resource,
    scope: 'a:read',
    ...parameters,
  };
  for (const [name, value] of Object.entries(all)) {
    for (const one of value === undefined ? [] : [value].flat()) form.append(name, one);
  }
  const body = form.toString();
  return sendRawForm(url, {
    body: tamper(body),
    headers: { ...gatewayHeaders({ key, body, path, timestamp, request }), ...headers },
  });
}

/** The audit events of the requests that a gateway has sent under one id. */
function auditOfLabel(label: string): Promise<AuditRow[]> {
  return rows(
    replica.databaseUrl,
    'SELECT zone_id, outcome, client_id, jti, audit_event(a) AS event FROM audit_events a WHERE request_label = $1 ORDER BY id',
    [label],
  );
}

describe('a gateway', () => {
  test('exchanges a session mandate without the secret of the client', async () => {
    const request = randomUUID();
    const answer = await throughGateway({ request });
    expect(answer).toMatchObject({
      status: 200,
      body: { scope: 'a:read', target_resources: [zone.resource], upstreams: {} },
    });
    expect(decodeJwt(String(answer.body['access_token']))).toMatchObject({
      use: 'resource',
      sub: zone.clientId,
      aud: zone.resource,
    });
    expect(answer.headers.get('x-request-id')).toBe(request);
    expect(await zone.audit(answer.requestId)).toMatchObject([
      { outcome: 'issued', event: { through_gateway: true, request_label: request } },
    ]);
  });

  test('passes a mandate on whose resource takes typ JWT', async () => {
    const resource = `resource://${randomUUID()}`;
    const body = { identifier: resource, scopes: ['a:read', 'a:write'], token_typ: 'JWT' };
    await zone.admin('POST', '/resources', body);
    const wanted = { resource, scope: 'a:read a:write' };
    const opened = await zone.session(wanted);
    const first = await throughGateway({
      parameters: { ...wanted, subject_token: String(opened.body['access_token']) },
    });
    const subject_token = String(first.body['access_token']);
    expect(decodeProtectedHeader(subject_token).typ).toBe('JWT');
    const again = await throughGateway({ parameters: { resource, subject_token } });
    expect(again).toMatchObject({ status: 200, body: { scope: 'a:read' } });
  });

  test('passes a resource mandate on, narrowed', async () => {
    const { body } = await throughGateway({ parameters: { scope: 'a:read a:write' } });
    const subject_token = String(body['access_token']);
    const again = await throughGateway({ parameters: { subject_token, scope: 'a:read' } });
    expect(again).toMatchObject({ status: 200, body: { scope: 'a:read' } });
    expect(decodeJwt(String(again.body['access_token']))).not.toHaveProperty('act');
    const wider = { subject_token, resource: zone.otherResource, scope: 'shared' };
    expect(await throughGateway({ parameters: wider })).toMatchObject({
      status: 400,
      body: { error: 'invalid_target' },
    });
  });

  test('needs a subject token', async () => {
    const without = { subject_token: undefined, subject_token_type: undefined };
    expect(await throughGateway({ parameters: without })).toMatchObject({
      status: 400,
      body: { error: 'invalid_request' },
    });
  });

  test.each<[string, () => Knobs]>([
    ['another key', () => ({ key: randomBytes(32).toString('hex') })],
    ['another path', () => ({ path: '/oauth/2/token/' })],
    ['a body that was changed', () => ({ tamper: (body) => `${body}&scope2=x` })],
    ['a body spelled otherwise', () => ({ tamper: (body) => body.replace('%3A', '%3a') })],
    ['a timestamp a minute ago', () => ({ timestamp: Math.floor(Date.now() / 1_000) - 62 })],
    // Later than the minute that it may be, since it comes nearer on its way.
    ['a timestamp in two minutes', () => ({ timestamp: Math.floor(Date.now() / 1_000) + 120 })],
    ['another X-Request-Id', () => ({ headers: { 'X-Request-Id': randomUUID() } })],
    ['half a signature', () => ({ headers: { 'X-Caracal-Gateway-Signature': '' } })],
    ['an unknown client', () => ({ parameters: { client_id: randomUUID() } })],
    ['a client of another zone', () => ({ parameters: { zone_id: randomUUID() } })],
  ])('is refused with %s, and nothing else is tried', async (_case, knobs) => {
    const answer = await throughGateway(knobs());
    expect(answer).toMatchObject({
      status: 401,
      body: { error: 'invalid_client', error_description: 'client authentication failed' },
    });
    expect(await auditOf(replica.databaseUrl, answer.requestId)).toMatchObject([
      { outcome: 'denied' },
    ]);
  });

  test('is refused if the secret of the client comes along', async () => {
    const parameters = { client_secret: zone.secret };
    expect(await throughGateway({ parameters })).toMatchObject({
      status: 400,
      body: { error: 'invalid_request' },
    });
  });

  test('cannot speak for a disabled client', async () => {
    const { clientId, secret } = await zone.newClient();
    const own = await sessionFor({ client_id: clientId, client_secret: secret });
    const parameters = { client_id: clientId, subject_token: own };
    expect((await throughGateway({ parameters })).status).toBe(200);
    await zone.admin('PATCH', `/clients/${clientId}`, { disabled: true });
    expect((await throughGateway({ parameters })).status).toBe(401);
  });

  test('cannot present what was issued to another client', async () => {
    const { clientId } = await zone.newClient();
    expect(await throughGateway({ parameters: { client_id: clientId } })).toMatchObject({
      status: 400,
      body: { error: 'invalid_request' },
    });
  });
});

describe('the id of a signed request', () => {
  test('is good for once, on either replica, whatever came of it', async () => {
    const once = { request: randomUUID(), timestamp: Math.floor(Date.now() / 1_000) };
    expect((await throughGateway(once)).status).toBe(200);
    for (const url of [replica.url, twin.url]) {
      expect(await throughGateway({ ...once, url })).toMatchObject({
        status: 401,
        body: { error: 'invalid_client' },
      });
    }
    expect((await auditOfLabel(once.request)).map(({ outcome }) => outcome)).toEqual([
      'issued',
      'denied',
      'denied',
    ]);
    const denied = { request: randomUUID(), parameters: { resource: 'resource://unknown' } };
    expect((await throughGateway(denied)).status).toBe(400);
    expect((await throughGateway({ request: denied.request })).status).toBe(401);
  });

  test('may come again, newly signed, when the signature before cannot be replayed any more', async () => {
    const now = () => Math.floor(Date.now() / 1_000);
    const request = randomUUID();
    const first = { request, timestamp: now() };
    expect((await throughGateway(first)).status).toBe(200);
    expect((await throughGateway({ request, timestamp: first.timestamp + 1 })).status).toBe(401);
    // As if the first one had been signed so much earlier.
    const nonce = createHash('sha256').update(request).digest('hex');
    const age = (seconds: number) =>
      rows(
        replica.databaseUrl,
        'UPDATE spent_nonces SET signed_at = $2 WHERE nonce = $1 RETURNING signed_at',
        [nonce, now() - seconds],
      );
    expect(await age(100)).toHaveLength(1);
    expect((await throughGateway({ request, url: twin.url })).status).toBe(401);
    await age(150);
    const again = { request, timestamp: now() };
    expect((await throughGateway({ ...again, url: twin.url })).status).toBe(200);
    for (const url of [replica.url, twin.url]) {
      expect((await throughGateway({ ...again, url })).status).toBe(401);
    }
    const outcomes = (await auditOfLabel(request)).map(({ outcome }) => outcome);
    expect(outcomes).toEqual(['issued', 'denied', 'denied', 'issued', 'denied', 'denied']);
  });

  test('raced on two replicas has one winner', async () => {
    for (let round = 0; round < 10; round += 1) {
      const once = { request: randomUUID(), timestamp: Math.floor(Date.now() / 1_000) };
      const answers = await Promise.all(
        Array.from({ length: 10 }, (_, n) =>
          throughGateway({ ...once, url: n % 2 === 0 ? replica.url : twin.url }),
        ),
      );
      const statuses = answers.map(({ status }) => status).toSorted((one, other) => one - other);
      expect(statuses).toEqual([200, ...Array.from({ length: 9 }, () => 401)]);
      const issued = (await auditOfLabel(once.request)).filter((row) => row.outcome === 'issued');
      expect(issued).toHaveLength(1);
    }
  });
});

test('authorization details go through a gateway, and are narrowed as they are for others', async () => {
  await openLedger(zone);
  const subject_token = await sessionFor(asking(payment()));
  const ask = (...details: readonly object[]) =>
    throughGateway({ parameters: { ...asking(...details), subject_token } });
  expect(await ask()).toMatchObject({
    status: 200,
    body: { authorization_details: [payment()] },
  });
  expect(await ask(payment({ creditor: 'EVIL' }))).toMatchObject({
    status: 400,
    body: { error: 'invalid_authorization_details' },
  });
});

describe('a resource behind a gateway', () => {
  const read = { resource: GATEWAY_ONLY, scope: 'orders:read' };
  const operation = { request_method: 'GET', request_path: '/orders/7' };
  let subject_token: string;

  beforeAll(async () => {
    subject_token = await sessionFor({ resource: GATEWAY_ONLY, scope: 'orders:read' });
  });

  test('is minted for a gateway, which is told where it is', async () => {
    const answer = await throughGateway({ parameters: { subject_token, ...read, ...operation } });
    expect(answer).toMatchObject({
      status: 200,
      body: {
        upstreams: {
          [GATEWAY_ONLY]: {
            url: UPSTREAM,
            auth_mode: 'caracal_jwt',
            auth_header: 'Authorization',
            auth_scheme: 'Bearer',
          },
        },
      },
    });
    const [event] = await zone.audit(answer.requestId);
    expect(JSON.stringify(event?.event)).toContain('"request_path": "/orders/7"'.replace(' ', ''));
  });

  test('is minted for nobody else, also with the parameters of a gateway', async () => {
    const answer = await zone.exchange({ subject_token, ...read, ...operation });
    expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_target' } });
    expect(answer.body).not.toHaveProperty('upstreams');
  });

  test.each<[string, Parameters]>([
    ['an operation that is not declared', { request_method: 'DELETE', request_path: '/orders/7' }],
    ['an operation beyond the scope', { request_method: 'POST', request_path: '/orders' }],
    ['no operation', { request_method: undefined, request_path: undefined }],
  ])('is denied for %s', async (_case, turned) => {
    const answer = await throughGateway({
      parameters: { subject_token, ...read, ...operation, ...turned },
    });
    expect(answer).toMatchObject({ status: 403, body: { error: 'access_denied' } });
    expect(await zone.audit(answer.requestId)).toMatchObject([{ outcome: 'denied' }]);
  });

  test.each(['/orders/../7', '//orders/7', '/orders/7?x=1', 'orders/7', '/orders%2f7'])(
    'is not asked for by a path like %s',
    async (request_path) => {
      const parameters = { subject_token, ...read, ...operation, request_path };
      expect(await throughGateway({ parameters })).toMatchObject({
        status: 400,
        body: { error: 'invalid_request' },
      });
    },
  );

  test('what a gateway does is for policy to judge, and believed from gateways only', async () => {
    const other = await createTestZone(replica);
    await other.activate(`
      @id("reads") permit (principal, action, resource)
        when { context has request_method && context.request_method == "GET" };
      @id("direct") permit (principal, action, resource)
        unless { context has request_method || context has request_path };`);
    const before = zone;
    zone = other;
    session = await sessionFor({});
    const get = { request_method: 'GET', request_path: '/x' };
    expect((await throughGateway({ parameters: get })).status).toBe(200);
    const put = { request_method: 'PUT', request_path: '/x' };
    expect((await throughGateway({ parameters: put })).status).toBe(403);
    expect((await other.exchange(put)).status).toBe(200);
    zone = before;
    session = await sessionFor({ resource: [zone.resource], scope: 'a:read a:write' });
  });
});

describe('policy routes', () => {
  const sign = (method: string, path: string, body: string, request = randomUUID()) => {
    const timestamp = String(Math.floor(Date.now() / 1_000));
    const digest = createHash('sha256').update(body).digest('hex');
    const signature = createHmac('sha256', Buffer.from(KEY, 'hex'))
      .update([timestamp, request, method, path, digest].join('\n'))
      .digest('hex');
    return {
      'x-caracal-gateway-timestamp': timestamp,
      'x-caracal-gateway-request': request,
      'x-caracal-gateway-signature': signature,
    };
  };

  test('answer a gateway once for each signature, and other routes do not', async () => {
    const path = `/internal/policy/status/${zone.zoneId}`;
    const headers = sign('GET', path, '');
    expect((await fetch(`${replica.url}${path}`, { headers })).status).toBe(200);
    expect((await fetch(`${twin.url}${path}`, { headers })).status).toBe(401);
    const simulate = '/internal/policy/simulate';
    const body = JSON.stringify({ policies: [], input: null });
    const json = { 'content-type': 'application/json' };
    const signed = { ...sign('POST', simulate, body), ...json };
    const asked = await fetch(`${replica.url}${simulate}`, {
      method: 'POST',
      body,
      headers: signed,
    });
    expect(asked.status).toBe(400);
    const forged = { ...sign('POST', simulate, `${body} `), ...json };
    const refused = await fetch(`${replica.url}${simulate}`, {
      method: 'POST',
      body,
      headers: forged,
    });
    expect(refused.status).toBe(401);
    const zones = '/internal/zones';
    const elsewhere = await fetch(`${replica.url}${zones}`, { headers: sign('GET', zones, '') });
    expect(elsewhere.status).toBe(401);
    const [{ count } = { count: '' }] = await rows<{ count: string }>(
      replica.databaseUrl,
      "SELECT count(*) FROM spent_nonces WHERE zone_id = '00000000-0000-0000-0000-000000000000'",
    );
    expect(count).toBe('2');
  });
});
