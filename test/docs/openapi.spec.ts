import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, expect, test } from 'vitest';
import { TOKEN_PARAMETERS } from '../../src/token-exchange/token.openapi.js';
import {
  ADMIN_TOKEN,
  KEY_ENCRYPTION_KEY,
  sharedReplica,
  startReplicaForTest,
  type Replica,
} from '../setup/harness.js';
import { persistently } from '../setup/patience.js';

interface Operation {
  readonly summary?: string;
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: string;
    readonly required?: boolean;
    readonly schema?: unknown;
  }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { schema: unknown }>> };
  readonly security?: readonly Record<string, unknown>[];
  readonly responses: Readonly<
    Record<string, { readonly content?: Record<string, { schema: unknown }> }>
  >;
}

interface Document {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, unknown>>;
    readonly securitySchemes: Readonly<Record<string, unknown>>;
  };
}

const NO_ID = '00000000-0000-7000-8000-000000000000';

let replica: Replica;
let document: Document;

beforeAll(async () => {
  replica = await sharedReplica();
  document = JSON.parse(await (await fetch(`${replica.url}/docs-json`)).text());
});

function operations(): { method: string; path: string; operation: Operation }[] {
  return Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({
      method: method.toUpperCase(),
      path,
      operation,
    })),
  );
}

/** Whether nobody was there to answer, rather than somebody who knows of no such thing. */
async function isMiss(method: string, path: string): Promise<boolean> {
  const response = await fetch(`${replica.url}${path}`, { method });
  const body: unknown = await response.json().catch(() => null);
  if (response.status === 405) return true;
  if (response.status !== 404) return false;
  return (
    typeof body === 'object' &&
    body !== null &&
    Reflect.get(body, 'error_description') === 'no such route'
  );
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
  const routes = (await routesOfRouter()).filter((route) => !/ \/docs(\/|-json|$)/.test(route));
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
      const allow = headers.get('allow');
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
      { type: 'integer', minimum: 1, maximum: 500, default: 100 },
    ]);
  }
});

test('calls no whole number a number', () => {
  // Nothing is a fraction but what Terminus measures.
  const fractions = [...JSON.stringify(document).matchAll(/"(\w+)":\{[^{}]*"type":"number"/g)];
  expect(fractions.map(([, name]) => name).filter((name) => name !== 'responseTime')).toEqual([]);
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

test('has one schema for every refusal', () => {
  expect(document.components.schemas['Error']).toMatchObject({
    required: ['error', 'error_description', 'requestId'],
  });
  const refusals = operations().flatMap(({ path, operation }) =>
    Object.entries(operation.responses)
      .filter(
        ([status]) => /^(4|5|default)/.test(status) && !(path === '/ready' && status === '503'),
      )
      .map(([, response]) => response.content?.['application/json']?.schema),
  );
  for (const schema of refusals) expect(schema).toEqual({ $ref: '#/components/schemas/Error' });
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
});

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
        /\\(.)|:(\w+)/g,
        (_, literal: string | undefined, name: string) => literal ?? `{${name}}`,
      )
      .split('\n')
  );
}
