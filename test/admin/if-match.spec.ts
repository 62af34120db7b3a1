import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { APPROVE_WRITES, heldIn } from '../setup/challenges.js';
import { rows, sharedReplica, type Replica } from '../setup/harness.js';
import { operatorsRoutes, requestsOfOperators, type Ask } from '../setup/operators-routes.js';
import { persistently } from '../setup/patience.js';
import { callAdmin, createTestZone, type TestZone } from '../setup/zone.js';

/** Routes that change no thing that there is: they make one, or only say or do something. */
const MAKES_OR_SAYS = new Set([
  'POST /zones',
  'POST /outbound-policies',
  'POST /outbound-policies/try',
  'POST /webhooks',
  'POST /audit/checkpoint-keys',
  'POST /operators',
  'POST /operators/me/keys',
  'POST /operators/{operator}/keys',
  'POST /policy/simulate',
  'POST /decisions/{requestId}/replay',
  'POST /zones/{zone}/resources',
  'POST /zones/{zone}/scopes',
  'POST /zones/{zone}/issuers',
  'POST /zones/{zone}/clients',
  'POST /zones/{zone}/clients/{client}/secrets',
  'POST /zones/{zone}/policies',
  'POST /zones/{zone}/policy-sets',
  'POST /zones/{zone}/policy-replays',
  'POST /zones/{zone}/access-analyses',
  'POST /zones/{zone}/proof-systems',
  'POST /zones/{zone}/authenticators',
  'POST /zones/{zone}/authenticators/enrolments',
  'POST /zones/{zone}/revocations',
  'POST /zones/{zone}/sessions/end',
  'POST /zones/{zone}/webhooks',
  'POST /zones/{zone}/outbound-policies',
  'POST /zones/{zone}/outbound-policies/try',
]);

/** Routes of what has no entity tag: it is of the process, or done once and for all. */
const WITHOUT_TAG = new Set([
  'PUT /log-level',
  'POST /operators/admin-token/close',
  'POST /approvals/{id}/approve',
  'POST /approvals/{id}/reject',
  'POST /zones/{zone}/policy-replays/{id}/cancel',
  'POST /zones/{zone}/access-analyses/{id}/cancel',
  // The admin key has none; own-keys.spec.ts asks with one that has.
  'DELETE /operators/me/keys/{id}',
  // There is none here; operators.spec.ts asks where there is one.
  'DELETE /operators/control-zone',
]);

let replica: Replica;
let zone: TestZone;
let requests: Readonly<Record<string, Ask>>;

beforeAll(async () => {
  replica = await sharedReplica();
  zone = await createTestZone(replica);
  requests = await requestsOfOperators(zone);
});

/** Routes that change one thing that there is: all others, so that one that is added later is among them. */
async function changingRoutes(): Promise<string[]> {
  const routes = await operatorsRoutes(replica);
  return routes.filter(
    (route) => !route.startsWith('GET ') && !MAKES_OR_SAYS.has(route) && !WITHOUT_TAG.has(route),
  );
}

/** What changes with whatever operators change in the zone. */
function footprint() {
  return rows(
    replica.databaseUrl,
    `SELECT z.settings_version, z.version,
            (SELECT count(*) FROM audit_events a WHERE a.zone_id = z.id AND a.type LIKE 'admin.%') AS changes,
            (SELECT count(*) FROM challenge_decisions d WHERE d.zone_id = z.id) AS decisions
       FROM zones z WHERE z.id = $1`,
    [zone.zoneId],
  );
}

test('the lists of routes that change nothing name routes that there are', async () => {
  const routes = new Set(await operatorsRoutes(replica));
  expect([...MAKES_OR_SAYS, ...WITHOUT_TAG].filter((route) => !routes.has(route))).toEqual([]);
});

test('no route that changes a thing ignores a wrong If-Match', async () => {
  const before = await footprint();
  const answers: [string, number, unknown][] = [];
  for (const route of await changingRoutes()) {
    const [path, body] = requests[route] ?? [];
    const [method = ''] = route.split(' ');
    if (path === undefined) throw new Error(`no request for ${route}`);
    // oxlint-disable-next-line no-await-in-loop
    const answer = await persistently(() =>
      callAdmin(replica, method, path, body, { 'if-match': '"what it never was"' }),
    );
    answers.push([route, answer.status, answer.body['error']]);
  }
  expect(answers.length).toBeGreaterThan(30);
  expect(answers).toEqual(answers.map(([route]) => [route, 412, 'precondition_failed']));
  expect(await footprint()).toEqual(before);
});

test('no route that changes something leaves a parameter unread that may mean that it is not to', async () => {
  const before = await footprint();
  const answers: [string, number][] = [];
  for (const route of await operatorsRoutes(replica)) {
    const [path, body] = requests[route] ?? [];
    const [method = ''] = route.split(' ');
    if (method === 'GET') continue;
    if (path === undefined) throw new Error(`no request for ${route}`);
    const asked = `${path}${path.includes('?') ? '&' : '?'}dry_run=perhaps`;
    // oxlint-disable-next-line no-await-in-loop
    const { status } = await persistently(() => callAdmin(replica, method, asked, body));
    answers.push([route, status]);
  }
  expect(answers.length).toBeGreaterThan(60);
  expect(answers.filter(([, status]) => status !== 400)).toEqual([]);
  expect(await footprint()).toEqual(before);
});

describe('a tag that a view has', () => {
  const call = (method: string, path: string, body?: unknown, headers?: Record<string, string>) =>
    persistently(() => callAdmin(replica, method, `/zones/${zone.zoneId}${path}`, body, headers));

  /** What can be changed: where it is shown and changed, and two changes. */
  const things: readonly (readonly [string, () => Promise<Thing>])[] = [
    [
      'an issuer',
      async () =>
        patched(`/issuers/${await made('/issuers', issuer())}`, 'max_age_seconds', [60, 61]),
    ],
    [
      'a policy',
      async () =>
        patched(`/policies/${await made('/policies', policy())}`, 'description', ['a', 'b']),
    ],
    [
      'a policy set',
      async () =>
        patched(`/policy-sets/${await made('/policy-sets', named())}`, 'description', ['a', 'b']),
    ],
    [
      'a proof system',
      async () =>
        patched(`/proof-systems/${await made('/proof-systems', named())}`, 'name', [
          randomUUID(),
          randomUUID(),
        ]),
    ],
    [
      'a step-up type',
      async () => patched(`/step-up-types/${randomUUID()}`, 'lifetime_seconds', [60, 61]),
    ],
    ['a secret', newSecret],
    [
      'the keys',
      async () => ({
        shown: '/signing-keys',
        at: '/signing-key',
        method: 'PATCH',
        changes: [{ rotation_days: 31 }, { rotation_days: 32 }],
      }),
    ],
    [
      'the schema',
      async () => ({
        shown: '/policy/schema',
        at: '/policy/schema',
        method: 'PUT',
        changes: [extension('one'), extension('two')],
      }),
    ],
  ];

  interface Thing {
    readonly shown: string;
    readonly at: string;
    readonly method: string;
    readonly changes: readonly [object, object];
  }

  const named = () => ({ name: `name ${randomUUID()}` });
  const policy = () => ({ ...named(), content: '@id("a") permit (principal, action, resource);' });
  const issuer = () => ({
    issuer: `https://${randomUUID()}.example`,
    audiences: ['https://mandate.example'],
    token_types: ['jwt'],
    jwks_uri: 'https://keys.example/jwks.json',
  });
  const extension = (name: string) => ({ extension: `type SubjectClaims = { ${name}?: String };` });
  const made = async (path: string, body: object) =>
    String((await zone.admin('POST', path, body))['id']);
  const patched = (
    at: string,
    member: string,
    [one, other]: readonly [unknown, unknown],
  ): Thing => ({
    shown: at,
    at,
    method: 'PATCH',
    changes: [{ [member]: one }, { [member]: other }],
  });
  async function newSecret(): Promise<Thing> {
    const client = await zone.admin('POST', '/clients', named());
    const at = `/clients/${String(client['id'])}/secrets/${String(client['secret_id'])}`;
    return patched(at, 'expires_at', ['2100-01-01T00:00:00Z', '2100-01-02T00:00:00Z']);
  }

  test.each(things)(
    'of %s is good for one change, which answers the next one',
    async (_name, make) => {
      const { shown, at, method, changes } = await make();
      const first = await call('GET', shown);
      const tag = String(first.headers.get('etag'));
      expect(tag).toMatch(/^"[A-Za-z0-9_-]{22}"$/);
      const changed = await call(method, at, changes[0], { 'if-match': tag });
      expect(changed.status).toBe(200);
      const next = String(changed.headers.get('etag'));
      expect(next).not.toBe(tag);
      const late = await call(method, at, changes[1], { 'if-match': tag });
      expect([late.status, await zone.audit(late.requestId)]).toEqual([412, []]);
      const now = await call('GET', shown);
      expect([now.headers.get('etag'), now.body]).toEqual([
        next,
        expect.objectContaining(changed.body),
      ]);
      expect((await call(method, at, changes[1], { 'if-match': next })).status).toBe(200);
      expect(await zone.audit(changed.requestId)).toHaveLength(1);
    },
  );

  test('of a policy and of a policy set is another once there is another version', async () => {
    const policyId = await made('/policies', policy());
    const set = await made('/policy-sets', named());
    const tags = async (path: string) => String((await call('GET', path)).headers.get('etag'));
    for (const [path, body] of [
      [`/policies/${policyId}`, { content: policy().content }],
      [`/policy-sets/${set}`, { policy_version_ids: [] }],
    ] as const) {
      // oxlint-disable no-await-in-loop
      const before = { 'if-match': await tags(path) };
      expect((await call('POST', `${path}/versions`, body, before)).status).toBe(201);
      expect((await call('POST', `${path}/versions`, body, before)).status).toBe(412);
      expect((await call('PATCH', path, { description: 'late' }, before)).status).toBe(412);
      // oxlint-enable no-await-in-loop
    }
  });

  test('of a challenge is of what was decided so far', async () => {
    await zone.activate(APPROVE_WRITES);
    const at = `/challenges/${heldIn(await zone.session({ scope: 'a:write' })).id}`;
    const tag = String((await call('GET', at)).headers.get('etag'));
    const decision = { decision: 'rejected', reason: 'a test' };
    const decided = await call('POST', `${at}/decision`, decision, { 'if-match': tag });
    expect(decided).toMatchObject({ status: 200, body: { state: 'rejected' } });
    expect((await call('POST', `${at}/decision`, decision, { 'if-match': tag })).status).toBe(412);
  });
});
