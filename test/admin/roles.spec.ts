import { afterAll, beforeAll, expect, test } from 'vitest';
import { PERMISSIONS, ROLE_NAMES, ROLES } from '../../src/admin/operators/roles.js';
import { borrowReplica, type Replica } from '../setup/harness.js';
import { callWith, newOperator, type TestOperator } from '../setup/operators.js';
import { createTestZone, type TestZone } from '../setup/zone.js';

/** A zone of nothing, and a thing that is nowhere. */
const NO_ID = '00000000-0000-7000-8000-000000000000';

interface Route {
  readonly method: string;
  /** As the document has it, below `/internal`. */
  readonly template: string;
  /** What the document says that it asks for; `none` for what every operator may. */
  readonly permission: string | undefined;
}

let replica: Replica;
let routes: readonly Route[];
let zone: TestZone;
const operators = new Map<string, TestOperator>();

beforeAll(async () => {
  replica = await borrowReplica();
  zone = await createTestZone(replica);
  for (const role of ROLE_NAMES) {
    // oxlint-disable-next-line no-await-in-loop
    operators.set(role, await newOperator(replica, { role }));
  }
  const document = (await (await fetch(`${replica.url}/docs-json`)).json()) as {
    paths: Record<string, Record<string, { 'x-permission'?: string }>>;
  };
  routes = Object.entries(document.paths)
    .filter(([path]) => path.startsWith('/internal/'))
    .flatMap(([path, item]) =>
      Object.entries(item).map(([method, operation]) => ({
        method: method.toUpperCase(),
        template: path.slice('/internal'.length),
        permission: operation['x-permission'],
      })),
    );
});

afterAll(async () => {
  await replica?.stop();
});

/** Asks for nothing that there is, by a body that no route takes: whoever is let in is told so, and nothing is done. */
async function ask(key: string | null, { method, template }: Route, inZone = NO_ID) {
  // What sends and sends is asked what it does not take, too.
  const query = /\/audit\/(?:stream|export|bundle)$/.test(template) ? '?nothing=1' : '';
  const path =
    template.replace(/\{(?:zone|zoneID)\}/, inZone).replaceAll(/\{\w+\}/g, NO_ID) + query;
  const { status, body } = await callWith(
    replica,
    key,
    method,
    path,
    method === 'GET' ? undefined : [],
  );
  return { status, why: String(body['error_description']) };
}

test('every route of operators asks for a permission that there is', () => {
  expect(routes.length).toBeGreaterThan(90);
  const known = new Set<string | undefined>([...PERMISSIONS, 'none']);
  expect(routes.filter(({ permission }) => !known.has(permission))).toEqual([]);
  const open = routes.filter(({ permission }) => permission === 'none');
  expect(open.map(({ method, template }) => `${method} ${template}`)).toEqual([
    'GET /operators/me',
    'POST /operators/me/keys',
    'GET /operators/me/keys',
    'GET /operators/me/keys/{id}',
    'DELETE /operators/me/keys/{id}',
  ]);
});

test('every permission is of a role beside the owner, but to administer operators', () => {
  const { owner, ...others } = ROLES;
  expect([...owner.permissions].toSorted()).toEqual([...new Set(PERMISSIONS)].toSorted());
  const given = new Set(Object.values(others).flatMap(({ permissions }) => [...permissions]));
  expect(PERMISSIONS.filter((each) => !given.has(each))).toEqual(['operators:write']);
});

test.each(ROLE_NAMES)('%s: each route lets in whom the table says, and no other', async (role) => {
  const { permissions } = ROLES[role];
  const key = operators.get(role)?.key ?? '';
  const wrong: unknown[] = [];
  for (const route of routes) {
    const may = permissions.has(route.permission as never) || route.permission === 'none';
    // oxlint-disable-next-line no-await-in-loop
    const { status, why } = await ask(key, route);
    const isRefused = status === 403;
    const words = `the permission ${route.permission} is required, which this operator (${role}) does not have`;
    const isRight = may ? !isRefused && status !== 401 && status < 500 : isRefused && why === words;
    if (!isRight) wrong.push({ ...route, status, why });
  }
  expect(wrong).toEqual([]);
});

test('somebody who is no operator is let in nowhere', async () => {
  const wrong: unknown[] = [];
  for (const route of routes) {
    for (const key of [null, 'guess', `mandate_op_${'A'.repeat(43)}`]) {
      // oxlint-disable-next-line no-await-in-loop
      const { status } = await ask(key, route);
      if (status !== 401) wrong.push({ ...route, key, status });
    }
  }
  expect(wrong).toEqual([]);
});

test('an owner of another zone is told of none, and comes to nothing that is of all zones', async () => {
  const other = await createTestZone(replica);
  const { key } = await newOperator(replica, { role: 'owner', zones: [other.zoneId] });
  const wrong: unknown[] = [];
  const open: string[] = [];
  for (const route of routes) {
    const isInZone = /\{(?:zone|zoneID)\}/.test(route.template);
    // oxlint-disable-next-line no-await-in-loop
    const { status, why } = await ask(key, route, zone.zoneId);
    if (isInZone && (status !== 404 || why !== 'no such zone'))
      wrong.push({ ...route, status, why });
    if (!isInZone && status !== 403) open.push(`${route.method} ${route.template}`);
    if (!isInZone) continue;
    // In its own zone it is let in.
    // oxlint-disable-next-line no-await-in-loop
    const own = await ask(key, route, other.zoneId);
    if (
      own.status === 401 ||
      own.status === 403 ||
      own.status >= 500 ||
      own.why === 'no such zone'
    ) {
      wrong.push({ ...route, ...own });
    }
  }
  expect(wrong).toEqual([]);
  // These show what is of the zones of who asks: `operators.spec.ts`, `test/audit` and `installation-webhooks.spec.ts` look at that.
  expect(open.toSorted()).toEqual(FOR_SOME_ZONES.toSorted());
});

/** The routes whose path names no zone, and that let in operators of some zones. */
const FOR_SOME_ZONES = [
  'GET /approvals',
  'GET /approvals/{id}',
  'POST /approvals/{id}/approve',
  'POST /approvals/{id}/reject',
  'GET /audit',
  'GET /audit/checkpoint-keys',
  'GET /audit/checkpoints',
  'GET /audit/checkpoints/consistency',
  'GET /audit/export',
  'GET /audit/log/checkpoint',
  'GET /audit/log/tile/{level}/{index}',
  'GET /audit/stream',
  'GET /clients',
  'GET /decisions/{requestId}',
  'GET /decisions/{requestId}/explanation',
  'GET /operators/me',
  'POST /operators/me/keys',
  'GET /operators/me/keys',
  'GET /operators/me/keys/{id}',
  'DELETE /operators/me/keys/{id}',
  'GET /webhooks',
  'GET /webhooks/{id}',
  'GET /webhooks/{id}/deliveries',
  'POST /webhooks',
  'POST /webhooks/{id}/deliveries/{delivery}/retry',
  'POST /webhooks/{id}/replay',
  'POST /webhooks/{id}/secret',
  'POST /webhooks/{id}/test',
  'PATCH /webhooks/{id}',
  'DELETE /webhooks/{id}',
  'GET /zones',
  'POST /decisions/{requestId}/replay',
  'POST /policy/simulate',
];
