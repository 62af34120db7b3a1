import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { auditOf, createDatabase, startReplica, type Replica } from '../setup/harness.js';
import { until } from '../setup/process.js';
import { ACCESS_TOKEN, createTestZone, TOKEN_EXCHANGE, type TestZone } from '../setup/zone.js';

/** A request to an endpoint for clients, by default that for tokens, as it goes over the wire. */
interface Wire {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

const FORM = { 'content-type': 'application/x-www-form-urlencoded' };

const INTROSPECT = '/oauth/2/introspect';
const REVOKE = '/oauth/2/revoke';
const NOBODY = '01900000-0000-7000-8000-000000000001';

let direct: Replica;
let framework: Replica;
let zone: TestZone;
let valid: Record<string, string>;
let subject: string;
/** Live mandates of the client, of which each is taken back once. */
let mandates: string[];
let theirs: string;

beforeAll(async () => {
  const databaseUrl = await createDatabase();
  [direct, framework] = await Promise.all([
    startReplica({ databaseUrl }),
    startReplica({ databaseUrl, env: { DIRECT_ROUTES: 'false' } }),
  ]);
  zone = await createTestZone(direct);
  valid = {
    grant_type: 'client_credentials',
    client_id: zone.clientId,
    client_secret: zone.secret,
    resource: zone.resource,
    scope: 'a:read',
  };
  subject = String((await zone.session()).body['access_token']);
  const issued = await Promise.all(
    [1, 2, 3, 4, 5].map(() => zone.exchange({ subject_token: subject })),
  );
  const other = await zone.newClient();
  const { body: held } = await zone.session({
    client_id: other.clientId,
    client_secret: other.secret,
  });
  theirs = String(held['access_token']);
  mandates = issued.map(({ body }) => String(body['access_token']));
});

afterAll(async () => {
  await Promise.all([direct?.stop(), framework?.stop()]);
});

const form = (changes: Record<string, string> = {}): string =>
  new URLSearchParams({ ...valid, ...changes }).toString();

const credentials = () => ({ client_id: zone.clientId, client_secret: zone.secret });

const introspect = (
  changes: Record<string, string>,
  headers: Record<string, string> = {},
): Wire => ({
  path: INTROSPECT,
  headers: { ...FORM, ...headers },
  body: new URLSearchParams({
    ...('authorization' in headers ? {} : credentials()),
    ...changes,
  }).toString(),
});

const revoke = (changes: Record<string, string>): Wire => ({
  path: REVOKE,
  body: new URLSearchParams({ ...credentials(), ...changes }).toString(),
});

async function send(replica: Replica, wire: Wire) {
  const request = httpRequest(`${replica.url}${wire.path ?? '/oauth/2/token'}`, {
    method: wire.method ?? 'POST',
    headers: wire.headers ?? FORM,
    agent: false,
  });
  request.end(wire.body);
  const [response] = await once(request, 'response');
  const said = await text(response);
  const body: Record<string, unknown> = said.startsWith('{')
    ? { ...Object(JSON.parse(said)) }
    : { isEmpty: said === '' };
  return { status: Number(response.statusCode), headers: { ...response.headers }, body };
}

/** An answer without what differs from request to request. */
function comparable({ status, headers, body }: Awaited<ReturnType<typeof send>>) {
  const { date, ...kept } = headers;
  const named = typeof kept['mandate-request-id'];
  const token = typeof body['access_token'];
  const id = typeof body['requestId'];
  // A second may end between the two.
  const left = Number(body['expires_in']);
  return {
    status,
    headers: {
      ...kept,
      'mandate-request-id': named,
      'x-request-id':
        kept['x-request-id'] === headers['mandate-request-id'] ? 'ours' : kept['x-request-id'],
      date: typeof date,
    },
    body: {
      ...body,
      access_token: token,
      requestId: id,
      ...(left >= 899 && left <= 900 ? { expires_in: 900 } : {}),
    },
  };
}

const WIRES: [string, () => Wire][] = [
  ['a session', () => ({ body: form() })],
  [
    'an exchange',
    () => ({
      body: form({
        grant_type: TOKEN_EXCHANGE,
        subject_token: subject,
        subject_token_type: ACCESS_TOKEN,
      }),
    }),
  ],
  [
    'a request with a label',
    () => ({ body: form(), headers: { ...FORM, 'x-request-id': 'theirs-1' } }),
  ],
  [
    'a label that is no label',
    () => ({ body: form(), headers: { ...FORM, 'x-request-id': 'not a label' } }),
  ],
  ['an unknown client', () => ({ body: form({ client_id: NOBODY }) })],
  [
    'a wrong secret by HTTP Basic',
    () => ({
      body: 'grant_type=client_credentials',
      headers: { ...FORM, authorization: `Basic ${btoa(`${zone.clientId}:wrong`)}` },
    }),
  ],
  ['an unknown scope', () => ({ body: form({ scope: 'z:z' }) })],
  ['an unknown resource', () => ({ body: form({ resource: 'resource://nowhere' }) })],
  ['an unknown grant', () => ({ body: form({ grant_type: 'password' }) })],
  ['no parameter', () => ({ body: '' })],
  ['a parameter that is given twice', () => ({ body: `${form()}&scope=a` })],
  ['a form that is malformed', () => ({ body: 'grant_type=%zz' })],
  [
    'a body of another type',
    () => ({ body: '{}', headers: { 'content-type': 'application/json' } }),
  ],
  [
    'a body that is compressed',
    () => ({ body: 'x', headers: { ...FORM, 'content-encoding': 'gzip' } }),
  ],
  ['a body that is too large', () => ({ body: form({ scope: 'x'.repeat(70_000) }) })],
  ['a query', () => ({ path: '/oauth/2/token?client_id=x', body: form() })],
  ['another method', () => ({ method: 'GET' })],
  ['a mandate that is introspected', () => introspect({ token: subject })],
  ['no mandate that is introspected', () => introspect({ token: 'none' })],
  [
    'a mandate that is introspected as a JWT',
    () => introspect({ token: subject }, { accept: 'application/token-introspection+jwt' }),
  ],
  [
    'mandates that are introspected together',
    () => ({
      path: INTROSPECT,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        ...credentials(),
        tokens: [subject, 'none', ...mandates.slice(0, 1)],
      }),
    }),
  ],
  ['introspection without a token', () => introspect({})],
  ['introspection by a stranger', () => introspect({ token: subject, client_secret: 'wrong' })],
  [
    'introspection with a query',
    () => ({ ...introspect({ token: subject }), path: `${INTROSPECT}?a` }),
  ],
  [
    'introspection at the endpoint of the zone',
    () => ({ ...introspect({ token: subject }), path: `/zones/${zone.zoneId}${INTROSPECT}` }),
  ],
  [
    'introspection by a bearer that is none',
    () => introspect({ token: 'x' }, { authorization: 'Bearer x' }),
  ],
  ['introspection by another method', () => ({ method: 'GET', path: INTROSPECT })],
  ['a mandate that is revoked', () => revoke({ token: mandates.pop() ?? '' })],
  ['what is no mandate, and is revoked', () => revoke({ token: 'none' })],
  ['what another client has, and is revoked', () => revoke({ token: theirs })],
  ['revocation without a token', () => revoke({})],
  ['revocation by a stranger', () => revoke({ token: subject, client_secret: 'wrong' })],
  ['revocation with a cascade that is none', () => revoke({ token: subject, cascade: 'all' })],
  [
    'revocation at the endpoint of the zone',
    () => ({
      ...revoke({ token: mandates.pop() ?? '' }),
      path: `/zones/${zone.zoneId}${REVOKE}`,
    }),
  ],
  [
    'revocation at the endpoint of a zone that is none',
    () => ({ ...revoke({ token: subject }), path: `/zones/${NOBODY}${REVOKE}` }),
  ],
  [
    'a revocation of another type',
    () => ({ path: REVOKE, body: '{}', headers: { 'content-type': 'application/json' } }),
  ],
  ['a revocation that is too large', () => revoke({ token: 'x'.repeat(70_000) })],
  ['revocation by another method', () => ({ method: 'DELETE', path: REVOKE })],
  ['a path in other letters', () => ({ path: '/OAuth/2/Token', body: form() })],
  ['a path with a slash behind', () => ({ path: '/oauth/2/token/', body: form() })],
  [
    'gateway headers that are malformed',
    () => ({ body: form(), headers: { ...FORM, 'x-caracal-gateway-signature': 'x' } }),
  ],
];

test.each(WIRES)('%s is answered alike on both ways', async (_name, wire) => {
  const [here, there] = [await send(direct, wire()), await send(framework, wire())];
  expect(comparable(here)).toEqual(comparable(there));
  const [eventHere, eventThere] = [
    await auditOf(direct.databaseUrl, String(here.headers['mandate-request-id'])),
    await auditOf(direct.databaseUrl, String(there.headers['mandate-request-id'])),
  ].map((events) =>
    events.map(({ outcome, event: { type, error, reason } }) => ({ type, outcome, error, reason })),
  );
  expect(eventHere).toEqual(eventThere);
});

test('what is answered in front of the framework is logged and measured as all else is', async () => {
  for (const replica of [direct, framework]) {
    const before = await counted(replica);
    const { headers } = await send(replica, {
      body: form(),
      headers: { ...FORM, 'x-request-id': 'label-7' },
    });
    const id = String(headers['mandate-request-id']);
    const line = await until(async () => replica.logs().find((each) => each.includes(id)));
    expect(JSON.parse(line)).toMatchObject({
      requestId: id,
      requestLabel: 'label-7',
      method: 'POST',
      route: '/oauth/2/token',
      status: 200,
      msg: 'request',
    });
    await until(async () => (await counted(replica)) === before + 1);
  }
});

async function counted(replica: Replica): Promise<number> {
  const metrics = await (
    await fetch(`${replica.url}/metrics`, {
      headers: { authorization: `Bearer ${replica.adminToken}` },
    })
  ).text();
  const line =
    /^mandate_http_request_seconds_count\{method="POST",route="\/oauth\/2\/token",status="2xx"\} (\d+)$/m.exec(
      metrics,
    );
  return Number(line?.[1] ?? 0);
}
