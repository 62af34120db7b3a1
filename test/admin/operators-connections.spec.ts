import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { applicationOf } from '../setup/agents.js';
import { APPROVE_WRITES, heldIn } from '../setup/challenges.js';
import { rows, startReplica, type Replica } from '../setup/harness.js';
import { newKey } from '../setup/tokens/foreign-tokens.js';
import { whileOpen } from '../setup/locks.js';
import { fragmentOf, openPage } from '../setup/pages.js';
import { newPolicy, newSetVersion } from '../setup/policies.js';
import { until } from '../setup/process.js';
import { callAdmin, createTestZone, PERMIT_ALL, type TestZone } from '../setup/zone.js';

const SHARED = '';
const CHANGING = 'mandate operators';
const READING = 'mandate operators reading';

let replica: Replica;

beforeAll(async () => {
  replica = await startReplica();
});
afterAll(async () => {
  await replica?.stop();
});

/** How many of the replica's connections of a name wait for a lock. */
async function waiting(name: string): Promise<number> {
  const found = await rows(
    replica.databaseUrl,
    `SELECT 1 FROM pg_stat_activity
      WHERE datname = current_database() AND wait_event_type = 'Lock' AND application_name = $1`,
    [name],
  );
  return found.length;
}

/** Asks again and again, so many at a time, while something is done. */
async function whileAsking<T>(
  times: number,
  ask: (nth: number) => Promise<unknown>,
  run: () => Promise<T>,
): Promise<{ readonly result: T; readonly asking: Promise<void>[] }> {
  const over = new AbortController();
  const asking = Array.from({ length: times }, async (_, nth) => {
    // oxlint-disable-next-line no-await-in-loop
    while (!over.signal.aborted) await ask(nth);
  });
  try {
    return { result: await run(), asking };
  } finally {
    over.abort();
  }
}

/** Keeps every connection that requests share busy with the page of one challenge: what it was shown on is looked up. */
async function whileSharedAreHeld<T>(run: () => Promise<T>): Promise<T> {
  const zone = await createTestZone(replica);
  await zone.activate(APPROVE_WRITES.replace('"approval"', '"mfa"'));
  const { id, confirmUri } = heldIn(await zone.session({ scope: 'a:write' }));
  const form = { proof: fragmentOf(confirmUri), decision: 'approved' };
  // No route of operators reads it; what removes a zone at once would.
  const lock = ['LOCK TABLE confirmation_proofs IN ACCESS EXCLUSIVE MODE', []] as const;
  const { asking, result } = await whileOpen(replica.databaseUrl, lock, () =>
    whileAsking(
      30,
      () => openPage(replica, `/step-up/${id}/confirm`, form),
      async () => {
        await until(async () => (await waiting(SHARED)) === 8);
        return run();
      },
    ),
  );
  await Promise.all(asking);
  return result;
}

/** The routes of operators, in the OpenAPI document. */
async function operatorsRoutes(): Promise<string[]> {
  const document = (await (await fetch(`${replica.url}/docs-json`)).json()) as {
    paths: Record<string, Record<string, unknown>>;
  };
  return Object.entries(document.paths)
    .filter(([path]) => path.startsWith('/internal/'))
    .flatMap(([path, item]) =>
      Object.keys(item).map(
        (method) => `${method.toUpperCase()} ${path.slice('/internal'.length)}`,
      ),
    );
}

const named = () => ({ name: `name ${randomUUID()}` });
const IN_ZONE = '/zones/{zone}';

/** Everything that the routes of operators name, in one zone. */
async function furnish(zone: TestZone) {
  const id = async (path: string, body: object) =>
    String((await zone.admin('POST', path, body))['id']);
  const app = await applicationOf(zone);
  const [source, target] = [await app.open(), await app.open()];
  const edge = await app.delegate(source, target);
  const opened = await app.call('POST', '/agent-sessions', { lifecycle: 'task' });
  const policy = await newPolicy(zone, PERMIT_ALL);
  const set = await newSetVersion(zone, PERMIT_ALL);
  const jwks = { keys: [(await newKey('ES256', 'idp')).publicJwk] };
  const issuer = { audiences: ['https://mandate.example'], token_types: ['jwt'], jwks };
  const webhook = await id('/webhooks', { url: 'https://receiver.example/hook' });
  const { delivery_id: delivery } = await zone.admin('POST', `/webhooks/${webhook}/test`);
  await rows(
    replica.databaseUrl,
    'UPDATE webhook_deliveries SET dead_at = now() WHERE zone_id = $1',
    [zone.zoneId],
  );
  const { id: client } = await zone.admin('POST', '/clients', named());
  const secrets = await zone.admin('GET', `/clients/${String(client)}/secrets`);
  const decided = await zone.session();
  await zone.admin('PUT', '/policy/shadow', { policy_set_version_id: set.id });
  await zone.activate(APPROVE_WRITES);
  const challenge = heldIn(await zone.session({ scope: 'a:write' })).id;
  await zone.session();
  return {
    client: String(client),
    secret: (secrets['items'] as { id: string }[])[0]?.id,
    resource: await id('/resources', { identifier: 'resource://spare', scopes: ['s'] }),
    issuer: await id('/issuers', { ...issuer, issuer: 'https://idp.example' }),
    issuerBody: () => ({ ...issuer, issuer: `https://${randomUUID()}.example` }),
    policy,
    set,
    session: String(opened.body['session_id']),
    agent: String(opened.body['id']),
    edge,
    challenge,
    system: await id('/proof-systems', named()),
    authenticator: await id('/authenticators', { subject: 'alice', kind: 'totp' }),
    webhook,
    delivery: String(delivery),
    request: decided.requestId,
  };
}

type Furniture = Awaited<ReturnType<typeof furnish>>;

/** What is asked of a route: the path below `/internal`, or below the zone, and perhaps a body. */
type Ask = readonly [path: string, body?: object];

/** A request for each route of operators, the harmless ones first. */
function walk(zone: TestZone, of: Furniture): Readonly<Record<string, Ask>> {
  const set = `/policy-sets/${of.set.policy_set_id}/versions`;
  const policy = `/policies/${of.policy.policy_id}/versions`;
  const secrets = `/clients/${of.client}/secrets`;
  const webhook = `/webhooks/${of.webhook}`;
  const reference = { policy_set_version_id: of.set.id };
  const input = {
    schema_version: '1',
    principal: {
      type: 'Application',
      id: zone.clientId,
      zone_id: zone.zoneId,
      registration_method: 'manual',
      labels: [],
    },
    resource: { type: 'Resource', id: of.resource, identifier: 'resource://a', scopes: ['a:read'] },
    action: { id: 'TokenExchange' },
    context: { actor_claims: {}, requested_scopes: [], challenge_resolved: false },
  };
  const inZone: Readonly<Record<string, Ask>> = {
    'GET /resources': ['/resources'],
    'GET /resources/{id}': [`/resources/${of.resource}`],
    'POST /resources': ['/resources', { identifier: 'resource://new', scopes: ['s'] }],
    'DELETE /resources/{id}': [`/resources/${of.resource}`],
    'GET /issuers': ['/issuers'],
    'GET /issuers/{id}': [`/issuers/${of.issuer}`],
    'POST /issuers': ['/issuers', of.issuerBody()],
    'PUT /issuers/{id}': [
      `/issuers/${of.issuer}`,
      { ...of.issuerBody(), issuer: 'https://idp.example' },
    ],
    'DELETE /issuers/{id}': [`/issuers/${of.issuer}`],
    'GET /clients/{client}/secrets': [secrets],
    'GET /clients/{client}/secrets/{id}': [`${secrets}/${of.secret}`],
    'POST /clients/{client}/secrets': [secrets, {}],
    'DELETE /clients/{client}/secrets/{id}': [`${secrets}/${of.secret}`],
    'GET /clients': ['/clients'],
    'GET /clients/{id}': [`/clients/${of.client}`],
    'POST /clients': ['/clients', named()],
    'PATCH /clients/{id}': [`/clients/${of.client}`, { disabled: true }],
    'DELETE /clients/{id}': [`/clients/${of.client}`],
    'GET /policies': ['/policies'],
    'GET /policies/{id}': [`/policies/${of.policy.policy_id}`],
    'GET /policies/{id}/versions': [policy],
    'GET /policies/{id}/versions/{version}': [`${policy}/${of.policy.id}`],
    'POST /policies': ['/policies', { ...named(), content: PERMIT_ALL }],
    'POST /policies/{id}/versions': [policy, { content: PERMIT_ALL }],
    'GET /policy-sets': ['/policy-sets'],
    'GET /policy-sets/{id}': [`/policy-sets/${of.set.policy_set_id}`],
    'GET /policy-sets/{id}/versions': [set],
    'GET /policy-sets/{id}/versions/{version}': [`${set}/${of.set.id}`],
    'POST /policy-sets': ['/policy-sets', named()],
    'POST /policy-sets/{id}/versions': [set, { policy_version_ids: [of.policy.id] }],
    'GET /policy': ['/policy'],
    'PUT /policy': ['/policy', reference],
    'GET /policy/shadow': ['/policy/shadow'],
    'PUT /policy/shadow': ['/policy/shadow', reference],
    'DELETE /policy/shadow': ['/policy/shadow'],
    'GET /policy/schema': ['/policy/schema'],
    'PUT /policy/schema': [
      '/policy/schema',
      { extension: 'type SubjectClaims = { team?: String };' },
    ],
    'GET /challenges': ['/challenges'],
    'GET /challenges/{id}': [`/challenges/${of.challenge}`],
    'POST /challenges/{id}/decision': [
      `/challenges/${of.challenge}/decision`,
      { decision: 'approved', reason: 'looks right' },
    ],
    'GET /step-up-types': ['/step-up-types'],
    'PUT /step-up-types/{type}': [
      '/step-up-types/approval',
      {
        lifetime_seconds: 300,
        satisfied_by: ['operator'],
        quorum: 1,
        requester_may_satisfy: false,
        subject_may_satisfy: false,
        acr: 'approval',
        reuse_seconds: 0,
      },
    ],
    'DELETE /step-up-types/{type}': ['/step-up-types/approval'],
    'GET /proof-systems': ['/proof-systems'],
    'GET /proof-systems/{id}': [`/proof-systems/${of.system}`],
    'POST /proof-systems': ['/proof-systems', named()],
    'DELETE /proof-systems/{id}': [`/proof-systems/${of.system}`],
    'GET /authenticators': ['/authenticators'],
    'POST /authenticators': ['/authenticators', { subject: 'bob', kind: 'totp' }],
    'POST /authenticators/enrolments': ['/authenticators/enrolments', { subject: 'carol' }],
    'DELETE /authenticators/{id}': [`/authenticators/${of.authenticator}`],
    'GET /webhooks': ['/webhooks'],
    'GET /webhooks/{id}': [webhook],
    'GET /webhooks/{id}/deliveries': [`${webhook}/deliveries`],
    'POST /webhooks/{id}/deliveries/{delivery}/retry': [
      `${webhook}/deliveries/${of.delivery}/retry`,
    ],
    'POST /webhooks': ['/webhooks', { url: 'https://receiver.example/other' }],
    'POST /webhooks/{id}/secret': [`${webhook}/secret`],
    'POST /webhooks/{id}/test': [`${webhook}/test`],
    'PATCH /webhooks/{id}': [webhook, { enabled: false }],
    'DELETE /webhooks/{id}': [webhook],
    'GET /signing-keys': ['/signing-keys'],
    'PATCH /signing-key': ['/signing-key', { rotation_days: 30 }],
    'POST /signing-key/rotate': ['/signing-key/rotate?emergency=true'],
    'GET /agent-sessions': ['/agent-sessions'],
    'GET /agent-sessions/{id}': [`/agent-sessions/${of.agent}`],
    'DELETE /agent-sessions/{id}': [`/agent-sessions/${of.agent}`],
    'GET /delegations': ['/delegations'],
    'GET /delegations/{id}': [`/delegations/${of.edge}`],
    'DELETE /delegations/{id}': [`/delegations/${of.edge}`],
    'GET /sessions': ['/sessions'],
    'GET /sessions/{id}': [`/sessions/${of.session}`],
    'POST /revocations': ['/revocations', { jti: randomUUID() }],
    'DELETE /sessions/{id}': [`/sessions/${of.session}`],
  };
  return {
    'GET /zones': ['/zones'],
    [`GET ${IN_ZONE}`]: [`/zones/${zone.zoneId}`],
    'POST /zones': ['/zones', named()],
    'POST /policy/simulate': ['/policy/simulate', { version_id: of.set.id, input }],
    'GET /policy/status/{zoneID}': [`/policy/status/${zone.zoneId}`],
    'GET /decisions/{requestId}': [`/decisions/${of.request}`],
    'POST /decisions/{requestId}/replay': [`/decisions/${of.request}/replay`, {}],
    ...Object.fromEntries(
      Object.entries(inZone).map(([route, [path, body]]) => [
        route.replace(' ', ` ${IN_ZONE}`),
        [`/zones/${zone.zoneId}${path}`, body] as const,
      ]),
    ),
    [`DELETE ${IN_ZONE}`]: [`/zones/${zone.zoneId}`],
  };
}

/** So many sessions that the zone is removed in the background: what goes at once goes with all that hangs on it. */
const addSessions = ({ zoneId, clientId }: TestZone) =>
  rows(
    replica.databaseUrl,
    `INSERT INTO sessions (zone_id, id, root_id, client_id, subject, expires_at)
     SELECT $1, n.id, n.id, $2, 'many', clock_timestamp() + interval '1 hour'
       FROM (SELECT gen_random_uuid() AS id FROM generate_series(1, 1001)) AS n`,
    [zoneId, clientId],
  );

test('no route of operators needs a connection that requests share', async () => {
  const zone = await createTestZone(replica);
  const routes = walk(zone, await furnish(zone));
  await addSessions(zone);
  expect(Object.keys(routes).toSorted()).toEqual((await operatorsRoutes()).toSorted());
  const answers = await whileSharedAreHeld(async () => {
    const seen: [string, number, unknown][] = [];
    for (const [route, [path, body]] of Object.entries(routes)) {
      const [method = ''] = route.split(' ');
      // oxlint-disable-next-line no-await-in-loop
      const answer = await callAdmin(replica, method, path, body);
      seen.push([route, answer.status, answer.body]);
    }
    return seen;
  });
  expect(answers.filter(([, status]) => status >= 300)).toEqual([]);
});

test('the policy of a zone that cannot be loaded is said not to be', async () => {
  const zone = await createTestZone(replica);
  const version = await zone.activate(PERMIT_ALL);
  const path = `/policy/status/${zone.zoneId}`;
  const answer = await whileSharedAreHeld(() => callAdmin(replica, 'GET', path));
  expect(answer).toMatchObject({
    status: 200,
    body: {
      zone_id: zone.zoneId,
      loaded: false,
      policy_set_version_id: version,
      problem: 'the zone cannot be loaded now',
    },
  });
});

describe("while operators' slow queries and changes take what they may", () => {
  const LOCK = ['LOCK TABLE proof_systems IN ACCESS EXCLUSIVE MODE', []] as const;

  /** Has operators read and change what is locked, in zones of their own and in one more. */
  async function whileOperatorsWait<T>(zone: TestZone, run: () => Promise<T>): Promise<T> {
    const zones = await Promise.all(Array.from({ length: 4 }, () => createTestZone(replica)));
    const busy = [...zones, zone];
    const { asking, result } = await whileOpen(replica.databaseUrl, LOCK, () =>
      whileAsking(
        20,
        (nth) => {
          const path = `/zones/${busy[nth % busy.length]?.zoneId}/proof-systems`;
          return nth < 10
            ? callAdmin(replica, 'GET', path)
            : callAdmin(replica, 'POST', path, named());
        },
        async () => {
          await until(
            async () => (await waiting(READING)) === 3 && (await waiting(CHANGING)) === 3,
          );
          return run();
        },
      ),
    );
    await Promise.all(asking);
    return result;
  }

  test('authority is taken away all the same, in the same zone as well', async () => {
    const zone = await createTestZone(replica);
    const of = await furnish(zone);
    const { clientId } = await zone.newClient();
    // Of this one, it has to be looked up in the audit log how it was registered.
    await rows(replica.databaseUrl, 'UPDATE authenticators SET key_drawn = false WHERE id = $1', [
      of.authenticator,
    ]);
    const urgent: readonly (readonly [method: string, path: string, body?: object])[] = [
      ['PATCH', `/clients/${clientId}`, { disabled: true }],
      ['DELETE', `/clients/${of.client}/secrets/${of.secret}`],
      ['DELETE', `/agent-sessions/${of.agent}`],
      ['DELETE', `/delegations/${of.edge}`],
      ['DELETE', `/sessions/${of.session}`],
      ['POST', '/revocations', { jti: randomUUID() }],
      ['POST', '/signing-key/rotate?emergency=true'],
      ['DELETE', `/authenticators/${of.authenticator}`],
    ];
    const answers = await whileOperatorsWait(zone, async () => {
      const seen: [string, number][] = [];
      for (const [method, path, body] of urgent) {
        // oxlint-disable-next-line no-await-in-loop
        const { status } = await callAdmin(replica, method, `/zones/${zone.zoneId}${path}`, body);
        seen.push([`${method} ${path}`, status]);
      }
      return seen;
    });
    expect(answers.filter(([, status]) => status >= 300)).toEqual([]);
  });
});
