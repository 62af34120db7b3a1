import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual, promisify } from 'node:util';
import { beforeAll, expect, test } from 'vitest';
import { TOKEN_PARAMETERS } from '../../src/token-exchange/token.openapi.js';
import {
  ADMIN_TOKEN,
  KEY_ENCRYPTION_KEY,
  sharedReplica,
  startReplicaForTest,
  type Replica,
} from '../setup/harness.js';
import { operationsOf, type OpenApiDocument, type Server } from '../setup/openapi-check.js';
import { persistently } from '../setup/patience.js';

const OPERATIONS: Readonly<Record<string, string>> = JSON.parse(
  readFileSync(new URL('openapi-operations.json', import.meta.url), 'utf8'),
);

/** What may be anything, and why. */
const OPEN: readonly (readonly [place: RegExp, why: string])[] = [
  [/Body\.jwks$/, 'RFC 7517 lets keys have any member'],
  [/Body\.claim_conditions$/, 'names claims of an issuer'],
  [/^ContextBody\.(actor|subject)_claims$/, 'claims of an issuer'],
  [/^ZoneAgentBody\.metadata$/, 'is of the application'],
  [/^DelegationEdgeBody\.constraints_json$/, 'is what an SDK sends'],
  [/^SubjectBody\.subject$/, 'RFC 9493 lets formats be added'],
  [/^PollBody\.setErrs$/, 'is by `jti`, as RFC 8936 2.4 has it'],
  [/^HeldRequest\.act$/, 'claims of a mandate, which may be of any depth'],
  [/^RecordedRequest\.items\[\]$/, 'audit events, whose members are those of their type'],
  [/^(AuditedEventView|TenantEventView)$/, 'an audit event, whose members are those of its type'],
  [/^SimulationResult\.diagnostics\[\]$/, 'what an engine says'],
  [
    /^IntrospectedMandate\.(may_act|cnf|delegation_chain\[\])$/,
    'claims, to which RFC 7800 lets members be added',
  ],
  [
    /authorization_details(\[\])?$|^DetailsInputBody\.by_type$|^AuthorizationDetail$|^DetailMember\.members$/,
    'RFC 9396 lets each type have its members',
  ],
  [/^ChangedMember\.(before|after)$/, 'is what was recorded of a member of anything'],
  [/^(Installation)?DeliveryView\.payload$/, 'is an event of any type'],
  [/would\.affects$/, 'counts, by what is counted'],
  [
    /^(feed_read|(zone_)?audit_delivery_stream) 200$/,
    'are events, which generators read in different ways',
  ],
];

/** What is measured. */
const FRACTIONS = ['bound_ms', 'measured_ms', 'value', 'timestamp'];

const NO_ID = '00000000-0000-7000-8000-000000000000';

let replica: Replica;
let document: OpenApiDocument;

beforeAll(async () => {
  replica = await sharedReplica();
  document = JSON.parse(await (await fetch(`${replica.url}/docs-json`)).text());
});

const operations = () => operationsOf(document);

/** Whether nobody was there to answer, rather than somebody who knows of no such thing. */
async function isMiss(method: string, path: string, url = replica.url): Promise<boolean> {
  const response = await persistently(() => fetch(`${url}${path}`, { method }));
  const body: unknown = await response.json().catch(() => null);
  if (response.status === 405) return true;
  if (response.status !== 404) return false;
  // Problem details have another name for it.
  const said = ['error_description', 'detail'].map((name) => Reflect.get(Object(body), name));
  return said.includes('no such route');
}

test('says what it is', () => {
  expect(document.openapi).toMatch(/^3\./);
  expect(document.info).toMatchObject({
    title: 'Mandate',
    version: expect.stringMatching(/^\d+\./),
  });
  expect(document.components.securitySchemes).toMatchObject({
    client: { type: 'http', scheme: 'basic' },
    admin: { type: 'http', scheme: 'bearer' },
    metrics: { type: 'http', scheme: 'bearer' },
  });
});

test('describes only what is there', async () => {
  // That a miss is told from an answer is what the rest of this test stands on.
  expect(await isMiss('GET', '/nothing/here')).toBe(true);
  expect(await isMiss('DELETE', '/health')).toBe(true);
  const missing: string[] = [];
  for (const { method, path } of operations()) {
    if (await isMiss(method, path.replaceAll(/\{\w+\}/g, NO_ID))) missing.push(`${method} ${path}`);
  }
  expect(missing).toEqual([]);
});

test('describes all that is there', async () => {
  // Browsers ask what they may (Fetch 4.8), and need no document for it.
  const routes = (await routesOfRouter()).filter(
    (route) => !/^OPTIONS | \/$| \/docs(\/|-json|$)/.test(route),
  );
  const described = operations().map(({ method, path }) => `${method} ${path}`);
  expect(described.toSorted()).toEqual(routes.toSorted());
  expect(described).toEqual(
    expect.arrayContaining([
      'POST /oauth/2/token',
      'GET /.well-known/jwks.json',
      'GET /health',
      'GET /ready',
      'GET /metrics',
      'GET /metrics.json',
    ]),
  );
});

test('answers 405 to every method that a path does not have, before it is asked who asks', async () => {
  // What one path calls an id, another may have a name for.
  const templates = Object.entries(document.paths).map(([path, item]) => ({
    matches: new RegExp(`^${path.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}$`),
    methods: Object.keys(item).map((method) => method.toUpperCase()),
  }));
  const wrong: unknown[] = [];
  for (const path of Object.keys(document.paths).map((one) => one.replaceAll(/\{\w+\}/g, NO_ID))) {
    const found = templates.filter(({ matches }) => matches.test(path));
    const there = [...new Set(found.flatMap(({ methods }) => methods))];
    const allowed = [...there, ...(there.includes('GET') ? ['HEAD'] : [])].toSorted().join(', ');
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']) {
      if (there.includes(method)) continue;
      // oxlint-disable-next-line no-await-in-loop
      const { status, headers } = await persistently(() => fetch(replica.url + path, { method }));
      const allow = headers.get('allow')?.replace(/, OPTIONS\b|^OPTIONS, /, '');
      if (status !== 405 || allow !== allowed) wrong.push({ method, path, status, allow });
    }
  }
  expect(wrong).toEqual([]);
});

test('says of every operation what it is for', () => {
  const silent = operations().filter(({ operation }) => operation.summary === undefined);
  expect(silent.map(({ method, path }) => `${method} ${path}`)).toEqual([]);
});

test('names the parameters of every path, in its order', () => {
  for (const { path, operation } of operations()) {
    const { parameters = [] } = operation;
    const named = parameters.filter((one) => one.in === 'path').map(({ name }) => name);
    const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    expect([path, named]).toEqual([path, inPath]);
  }
});

test('has a list shown in parts of which a whole number says how large they are, or not', () => {
  const limits = operations().flatMap(({ path, operation }) =>
    (operation.parameters ?? [])
      .filter((one) => one.in === 'query' && one.name === 'limit')
      .map(({ required, schema }) => ({ path, required, schema })),
  );
  expect(limits.length).toBeGreaterThan(10);
  for (const { path, required, schema } of limits) {
    expect([path, required, schema]).toEqual([
      path,
      false,
      // Shyntr's lists are whole, as far as that can be, but for its audit log.
      {
        type: 'integer',
        minimum: 1,
        maximum: 500,
        default: /^\/admin\/management\/(?!audit)/.test(path) ? 500 : 100,
      },
    ]);
  }
});

test('calls no whole number a number', () => {
  const fractions = [...JSON.stringify(document).matchAll(/"(\w+)":\{[^{}]*"number"/g)];
  expect(new Set(fractions.map(([, name]) => name))).toEqual(new Set(FRACTIONS));
});

test('has every parameter of the token endpoint', () => {
  const body = operations().find(({ path }) => path === '/oauth/2/token')?.operation.requestBody;
  const schema = body?.content['application/x-www-form-urlencoded']?.schema;
  const named = Object.keys((schema as { properties: object }).properties);
  expect(named.toSorted()).toEqual(Object.keys(TOKEN_PARAMETERS).toSorted());
});

test('describes each body by its own members', () => {
  const members = (name: string) =>
    Object.keys((document.components.schemas[name] as { properties: object }).properties);
  expect(members('ResourceBody')).toContain('upstream_url');
  expect(members('PolicyResourceBody')).not.toContain('upstream_url');
});

test('has one schema for every refusal, or a page', () => {
  expect(document.components.schemas['Error']).toMatchObject({
    required: ['error', 'error_description', 'requestId'],
  });
  const others = operations().flatMap(({ operation }) =>
    Object.entries(operation.responses)
      .filter(([status]) => /^[45]/.test(status))
      .map(([status, { content }]) => [
        `${operation.operationId} ${status}`,
        (
          content?.['application/json'] ??
          content?.['text/html'] ??
          content?.['application/problem+json']
        )?.schema,
      ])
      .filter(([, schema]) => !isDeepStrictEqual(schema, { $ref: '#/components/schemas/Error' }))
      .filter(([, schema]) => !isDeepStrictEqual(schema, { type: 'string' }))
      .filter(([place]) => !/^(tenant|management)/.test(String(place))),
  );
  // RFC 8935 2.4 has words of its own, a held request has its challenge beside them, and probes say what is down.
  expect(others.map(([place]) => place)).toEqual([
    'token_exchange 401',
    'token_exchange_in_zone 401',
    'set_receiver_receive 400',
    'ready 503',
  ]);
});

test('says of every refusal when to come again, and who might come in', () => {
  for (const { operation } of operations()) {
    for (const [status, { headers = {} }] of Object.entries(operation.responses)) {
      expect(headers).toHaveProperty('Mandate-Request-Id');
      if (status === '503' || status === '429') expect(headers).toHaveProperty('Retry-After');
      if (status === '401') expect(headers).toHaveProperty('WWW-Authenticate');
    }
  }
});

test('takes an Idempotency-Key with every change of an operator, and with none else of theirs', () => {
  const taking = (method: string) =>
    operations().flatMap(({ method: its, path, operation }) =>
      path.startsWith('/internal/') && (its === 'GET') === (method === 'GET')
        ? [operation.parameters?.filter(({ name }) => name === 'Idempotency-Key').length ?? 0]
        : [],
    );
  expect(new Set(taking('POST'))).toEqual(new Set([1]));
  expect(new Set(taking('GET'))).toEqual(new Set([0]));
});

test('has a schema for every answer that has a body', () => {
  const without = operations().flatMap(({ operation }) =>
    Object.entries(operation.responses)
      .filter(([status, { content }]) => status.startsWith('2') && content === undefined)
      .map(([status]) => `${operation.operationId} ${status}`)
      .filter((place) => !place.endsWith(' 204')),
  );
  // Empty, as RFC 7009 2.2, RFC 8935 2.2 and OpenID SSF 1.0 8.1.3.2 have it.
  expect(without).toEqual([
    'token_revoke 200',
    'token_revoke_in_zone 200',
    'streams_add_subject 200',
    'set_receiver_receive 202',
  ]);
});

test('says what is in each of them, but for what others have written', () => {
  const places = Object.entries(document.components.schemas).map(
    ([name, schema]) => [name, schema] as const,
  );
  const inPlace = operations().flatMap(({ operation }) => [
    ...Object.entries(operation.responses).flatMap(([status, { content = {} }]) =>
      Object.values(content).map(
        ({ schema }) => [`${operation.operationId} ${status}`, schema] as const,
      ),
    ),
    ...Object.values(operation.requestBody?.content ?? {}).map(
      ({ schema }) => [`${operation.operationId} body`, schema] as const,
    ),
    ...(operation.parameters ?? []).map(
      ({ name, schema }) => [`${operation.operationId} ${name}`, schema] as const,
    ),
  ]);
  const open = [...places, ...inPlace].flatMap(([place, schema]) => openIn(schema, place));
  const unknown = [...new Set(open)].filter(
    (place) => !OPEN.some(([pattern]) => pattern.test(place)),
  );
  expect(unknown).toEqual([]);
});

test('knows every tag and every security scheme that it names', () => {
  const tags = document.tags.map(({ name }) => name);
  expect(document.tags.filter(({ description }) => description === '')).toEqual([]);
  const used = new Set(operations().flatMap(({ operation }) => operation.tags ?? []));
  expect([...used].toSorted()).toEqual(tags.toSorted());
  expect(operations().filter(({ operation }) => operation.tags?.length !== 1)).toEqual([]);
  const schemes = operations().flatMap(({ operation }) =>
    (operation.security ?? []).flatMap((one) => Object.keys(one)),
  );
  expect([...new Set(schemes)].toSorted()).toEqual(
    Object.keys(document.components.securitySchemes).toSorted(),
  );
});

test('calls operations what they were called: clients are made from these names', () => {
  const now = Object.fromEntries(
    operations().map(({ method, path, operation }) => [operation.operationId, `${method} ${path}`]),
  );
  expect(Object.keys(now)).toHaveLength(operations().length);
  for (const id of Object.keys(now)) expect(id).toMatch(/^[a-z][a-z0-9_]*$/);
  // Another name for what is there breaks every client that was generated. What is new is added to the file.
  expect(now).toEqual(OPERATIONS);
});

test('leads every reference to something, and calls no two types alike', async () => {
  const references = [
    ...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g),
  ];
  const names = Object.keys(document.components.schemas);
  expect(references.map(([, name]) => name).filter((name) => !names.includes(name ?? ''))).toEqual(
    [],
  );
  const built = new URL('../../dist/src/platform/http/openapi-answers.json', import.meta.url);
  const { clashes } = JSON.parse(await readFile(built, 'utf8')) as { clashes: string[] };
  expect(clashes).toEqual([]);
});

test('says of every route for operators that it needs an admin key', () => {
  const open = operations().filter(
    ({ path, operation }) =>
      path.startsWith('/internal/') &&
      operation.security?.some((scheme) => 'admin' in scheme) !== true,
  );
  expect(open.map(({ method, path }) => `${method} ${path}`)).toEqual([]);
});

test('is a page that loads nothing from elsewhere', async () => {
  for (const path of ['/docs', '/docs/']) {
    const response = await fetch(`${replica.url}${path}`);
    expect(response.headers.get('content-type')).toContain('text/html');
    const html = await response.text();
    const assets = [...html.matchAll(/(?:src|href)="([^"#]+)"/g)].map(([, at]) => at ?? '');
    expect(assets.length).toBeGreaterThan(2);
    for (const asset of assets) {
      const url = new URL(asset, `${replica.url}${path}`);
      expect(url.origin).toBe(replica.url);
      expect(url.pathname).toMatch(/^\/docs\//);
      expect((await fetch(url)).status).toBe(200);
    }
  }
});

test('has pages that load nothing but their own files, and are in no frame', async () => {
  for (const path of ['/', '/docs', '/docs/swagger-ui.css', '/docs-json']) {
    const { status, headers } = await fetch(`${replica.url}${path}`);
    const policy = headers.get('content-security-policy') ?? '';
    expect([path, status]).toEqual([path, 200]);
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/unsafe|https?:|\*/);
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('referrer-policy')).toBe('no-referrer');
  }
  const docs = await (await fetch(`${replica.url}/docs`)).text();
  expect(docs).not.toMatch(/<style|style=|<script>/);
});

test('leads from the start page to what is there', async () => {
  const page = await (await fetch(`${replica.url}/`)).text();
  const style = /<style>([^]*)<\/style>/.exec(page)?.[1] ?? '';
  const hash = createHash('sha256').update(style).digest('base64');
  const { headers } = await fetch(`${replica.url}/`);
  expect(headers.get('content-security-policy')).toContain(`style-src 'sha256-${hash}'`);
  const places = [...page.matchAll(/href="([^"]+)"/g)].map(([, place]) => place ?? '');
  expect(places).toContain('./docs');
  for (const place of places) {
    const { status } = await persistently(() => fetch(new URL(place, `${replica.url}/`)));
    // Whether zones share an issuer is up to them.
    expect([place, status]).toEqual([
      place,
      expect.toBeOneOf(place.startsWith('./.well-known') ? [200, 404] : [200]),
    ]);
  }
  expect((await fetch(`${replica.url}/`, { method: 'POST' })).status).toBe(405);
});

test('is on the internal port only, if there is one', async () => {
  const { ports } = await startReplicaForTest({ env: { INTERNAL_PORT: '0' } });
  const paths = [
    '/docs',
    '/docs-json',
    '/docs/swagger-ui.css',
    '/docs/swagger-ui-init.js',
    '/metrics',
  ];
  const statuses = (port: number | undefined) =>
    Promise.all(paths.map(async (path) => (await fetch(`http://127.0.0.1:${port}${path}`)).status));
  expect(await statuses(ports[0])).toEqual([404, 404, 404, 404, 404]);
  expect(await statuses(ports[1])).toEqual([200, 200, 200, 200, 200]);
  const start = async (port: number | undefined) =>
    (await fetch(`http://127.0.0.1:${port}/`)).text();
  expect(await start(ports[0])).not.toContain('docs');
  expect(await start(ports[1])).toContain('docs');
});

test('says of every path on which of two ports it is', async () => {
  expect(document.servers.map(({ url }) => url)).toEqual(['/']);
  const env = { INTERNAL_PORT: '0', ISSUER_URL: 'https://sts.example' };
  const { ports } = await startReplicaForTest({ env });
  const [open = '', internal = ''] = ports.map((port) => `http://127.0.0.1:${port}`);
  const served: OpenApiDocument = JSON.parse(await (await fetch(`${internal}/docs-json`)).text());
  expect(served.servers.map(({ url }) => url)).toEqual(['/', 'https://sts.example']);
  const wrong: string[] = [];
  for (const [path, { servers, ...item }] of Object.entries(served.paths)) {
    const said = (servers as unknown as readonly Server[]).map(({ url }) => url);
    const [method = ''] = Object.keys(item);
    const asked = [method.toUpperCase(), path.replaceAll(/\{\w+\}/g, NO_ID)] as const;
    // oxlint-disable-next-line no-await-in-loop
    const missed = [await isMiss(...asked, internal), await isMiss(...asked, open)];
    if (!isDeepStrictEqual(missed, [!said.includes('/'), !said.includes('https://sts.example')]))
      wrong.push(path);
  }
  expect(wrong).toEqual([]);
});

/** The places in a schema that say nothing of what is there. */
function openIn(schema: unknown, place: string): string[] {
  if (typeof schema !== 'object' || schema === null) return [];
  const one: Readonly<Record<string, unknown>> = { ...schema };
  const { description: _, examples: __, ...rest } = one;
  const { properties, additionalProperties: more, items } = one;
  const isOpen =
    Object.keys(rest).length === 0 ||
    (one['type'] === 'object' && properties === undefined && more === undefined) ||
    (one['type'] === 'array' && items === undefined) ||
    more === true ||
    isDeepStrictEqual(more, {});
  return [
    ...(isOpen ? [place] : []),
    ...Object.entries(properties ?? {}).flatMap(([name, member]) =>
      openIn(member, `${place}.${name}`),
    ),
    ...openIn(items, `${place}[]`),
    ...(isOpen ? [] : openIn(more, `${place}{}`)),
    ...['anyOf', 'oneOf', 'allOf'].flatMap((name) => {
      const parts = one[name];
      return Array.isArray(parts) ? parts.flatMap((part) => openIn(part, place)) : [];
    }),
  ];
}

/** The routes of the same build as its router has them, which is what a request meets. */
async function routesOfRouter(): Promise<string[]> {
  const fixture = fileURLToPath(new URL('../fixtures/print-routes.mjs', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [fixture], {
    env: {
      PATH: process.env['PATH'],
      DATABASE_URL: replica.databaseUrl,
      KEY_ENCRYPTION_KEY,
      ADMIN_TOKEN,
    },
  });
  return (
    stdout
      .trim()
      // A colon that begins no parameter is escaped.
      .replaceAll(
        /\\(.)|[:*](\w+)/g,
        (_, literal: string | undefined, name: string) => literal ?? `{${name}}`,
      )
      .split('\n')
  );
}
