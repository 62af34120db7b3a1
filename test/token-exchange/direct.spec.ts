import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { json } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { auditOf, createDatabase, startReplica, type Replica } from '../setup/harness.js';
import { until } from '../setup/process.js';
import { ACCESS_TOKEN, createTestZone, TOKEN_EXCHANGE, type TestZone } from '../setup/zone.js';

/** A request to the token endpoint, as it goes over the wire. */
interface Wire {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

const FORM = { 'content-type': 'application/x-www-form-urlencoded' };

let direct: Replica;
let framework: Replica;
let zone: TestZone;
let valid: Record<string, string>;
let subject: string;

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
});

afterAll(async () => {
  await Promise.all([direct?.stop(), framework?.stop()]);
});

const form = (changes: Record<string, string> = {}): string =>
  new URLSearchParams({ ...valid, ...changes }).toString();

async function send(replica: Replica, wire: Wire) {
  const request = httpRequest(`${replica.url}${wire.path ?? '/oauth/2/token'}`, {
    method: wire.method ?? 'POST',
    headers: wire.headers ?? FORM,
    agent: false,
  });
  request.end(wire.body);
  const [response] = await once(request, 'response');
  const body: Record<string, unknown> = { ...Object(await json(response)) };
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
  [
    'an unknown client',
    () => ({ body: form({ client_id: '01900000-0000-7000-8000-000000000001' }) }),
  ],
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
    const line = await until(async () => replica.logs().find((text) => text.includes(id)));
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
