import { randomUUID } from 'node:crypto';
import { NOTHING_ANALYSED } from '../../src/admin/access-analyses/analysis-progress.js';
import { NOTHING_REPLAYED } from '../../src/admin/policy-replays/replay-progress.js';
import { applicationOf } from './agents.js';
import { APPROVE_WRITES, heldIn } from './challenges.js';
import { rows, type Replica } from './harness.js';
import { newOperator, type TestOperator } from './operators.js';
import { until } from './process.js';
import { newPolicy, newSetVersion } from './policies.js';
import { newKey } from './tokens/foreign-tokens.js';
import { callAdmin, PERMIT_ALL, type TestZone } from './zone.js';

/** The routes of operators, in the OpenAPI document. */
export async function operatorsRoutes(replica: Replica): Promise<string[]> {
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

/** A policy of the whole installation that counts for nothing: others use the database, too, so it is one for all. */
async function ofInstallation({ replica }: TestZone): Promise<string> {
  return until(async () => {
    const { body } = await callAdmin(replica, 'GET', '/outbound-policies');
    const [first] = (body['items'] ?? []) as { id: string }[];
    if (first !== undefined) return first.id;
    const off = { ...named(), target: 'ssf_delivery', enabled: false };
    await callAdmin(replica, 'POST', '/outbound-policies', off);
    return null;
  });
}

/** A webhook of the installation that is told of one zone, and a delivery of it that was given up. */
async function severalOf({ replica, zoneId }: TestZone): Promise<{ id: string; delivery: string }> {
  const url = 'https://receiver.example/several';
  const { body } = await callAdmin(replica, 'POST', '/webhooks', { url, zone_ids: [zoneId] });
  const id = String(body['id']);
  const [row] = await rows<{ id: string }>(
    replica.databaseUrl,
    `INSERT INTO webhook_deliveries (zone_id, id, installation_webhook_id, event_type, payload, dead_at)
     VALUES ($1, new_uuid_v7(), $2, 'webhook.test', '{}', now()) RETURNING id`,
    [zoneId, id],
  );
  return { id, delivery: String(row?.id) };
}

/** Everything that the routes of operators name, in one zone. */
export async function furnish(zone: TestZone) {
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
  // An attempt that is under way would write its own end over this one.
  await until(async () => {
    const givenUp = await rows(
      zone.replica.databaseUrl,
      `UPDATE webhook_deliveries SET dead_at = now()
        WHERE zone_id = $1 AND last_error IS NOT NULL RETURNING id`,
      [zone.zoneId],
    );
    return givenUp.length > 0;
  });
  const several = await severalOf(zone);
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
    scope: await id('/scopes', { name: randomUUID() }),
    issuer: await id('/issuers', { ...issuer, issuer: 'https://idp.example' }),
    issuerBody: () => ({ ...issuer, issuer: `https://${randomUUID()}.example` }),
    policy,
    set,
    replay: await newReplay(zone, set.id),
    analysis: await newAnalysis(zone),
    session: String(opened.body['session_id']),
    agent: String(opened.body['id']),
    edge,
    challenge,
    spare: {
      policy: await id('/policies', { ...named(), content: PERMIT_ALL }),
      set: await id('/policy-sets', named()),
    },
    system: await id('/proof-systems', named()),
    authenticator: await id('/authenticators', { subject: 'alice', kind: 'totp' }),
    webhook,
    several,
    installationOutbound: await ofInstallation(zone),
    outbound: await id('/outbound-policies', { ...named(), target: 'jwks_fetch' }),
    revocation: await id('/revocations', { target: { jti: randomUUID() }, reason: 'a test' }),
    delivery: String(delivery),
    request: decided.requestId,
  };
}

const REASON = { reason: 'a test' };

/** Something that was done in an emergency, and is to be looked at. */
async function newReview({ replica, zoneId }: TestZone): Promise<string> {
  const id = randomUUID();
  await rows(
    replica.databaseUrl,
    `INSERT INTO approvals (id, zone_id, kind, action, summary, operator, request_id)
     VALUES ($1, $2, 'review', 'emergency_rotation', 'rotated', 'somebody', $1)`,
    [id, zoneId],
  );
  return id;
}

/** A replay that another process seems to be at, and stays at. */
export async function newReplay(zone: TestZone, setVersionId: string): Promise<string> {
  const [row] = await rows<{ id: string }>(
    zone.replica.databaseUrl,
    `INSERT INTO policy_replays (zone_id, id, operator, policy_set_version_id, manifest_sha256, from_at, to_at, max_decisions,
                                 progress, state, holder, leased_until)
     SELECT zone_id, new_uuid_v7(), 'a test', id, manifest_sha256, now() - interval '1 day', now(), 10, $3, 'running',
            new_uuid_v7(), now() + interval '1 day'
       FROM policy_set_versions WHERE zone_id = $1 AND id = $2 RETURNING id`,
    [zone.zoneId, setVersionId, JSON.stringify(NOTHING_REPLAYED)],
  );
  return String(row?.id);
}

/** An access analysis that another process seems to be at, and stays at. */
export async function newAnalysis(zone: TestZone): Promise<string> {
  const [row] = await rows<{ id: string }>(
    zone.replica.databaseUrl,
    `INSERT INTO access_analyses (zone_id, id, operator, days, from_at, to_at, log_complete_since, progress, state, holder,
                                  leased_until)
     VALUES ($1, new_uuid_v7(), 'a test', 1, now() - interval '1 day', now(), now(), $2, 'running', new_uuid_v7(),
             now() + interval '1 day') RETURNING id`,
    [zone.zoneId, JSON.stringify(NOTHING_ANALYSED)],
  );
  return String(row?.id);
}

/** A key that an operator has drawn for itself, and one that it does without. */
async function ownKeys(operator: TestOperator) {
  const drawn = await operator.call('POST', '/operators/me/keys', {});
  const own = String(drawn.body['key']);
  return { own, spare: String(drawn.body['drawn_with']) };
}

/** What is asked of a route: the path below `/internal`, or below the zone, perhaps a body, and a key if the admin key may not. */
export type Ask = readonly [path: string, body?: object | undefined, key?: string];

/**
 * A request that is granted for each route of operators, by its method and its path in the OpenAPI document, the harmless
 * ones first. `test/admin/operators-connections.spec.ts` sends them all, and compares them with the routes that there are.
 */
export async function requestsOfOperators(zone: TestZone): Promise<Readonly<Record<string, Ask>>> {
  const of = await furnish(zone);
  const owner = await newOperator(zone.replica, { role: 'owner' });
  const other = await newOperator(zone.replica, { role: 'auditor' });
  const { own, spare } = await ownKeys(owner);
  const [one, another] = [await newReview(zone), await newReview(zone)];
  const set = `/policy-sets/${of.set.policy_set_id}/versions`;
  const policy = `/policies/${of.policy.policy_id}/versions`;
  const secrets = `/clients/${of.client}/secrets`;
  const webhook = `/webhooks/${of.webhook}`;
  const several = `/webhooks/${of.several.id}`;
  const outbound = `/outbound-policies/${of.outbound}`;
  const everywhere = `/outbound-policies/${of.installationOutbound}`;
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
    'PATCH /resources/{id}': [`/resources/${of.resource}`, { upstream_url: null }],
    'DELETE /resources/{id}': [`/resources/${of.resource}`],
    'GET /scopes': ['/scopes'],
    'GET /scopes/{id}': [`/scopes/${of.scope}`],
    'POST /scopes': ['/scopes', { name: randomUUID() }],
    'PATCH /scopes/{id}': [`/scopes/${of.scope}`, { active: false }],
    'DELETE /scopes/{id}': [`/scopes/${of.scope}`],
    'GET /issuers': ['/issuers'],
    'GET /issuers/{id}': [`/issuers/${of.issuer}`],
    'POST /issuers': ['/issuers', of.issuerBody()],
    'PUT /issuers/{id}': [
      `/issuers/${of.issuer}`,
      { ...of.issuerBody(), issuer: 'https://idp.example' },
    ],
    'PATCH /issuers/{id}': [`/issuers/${of.issuer}`, { max_age_seconds: 60 }],
    'DELETE /issuers/{id}': [`/issuers/${of.issuer}`],
    'GET /clients/{client}/secrets': [secrets],
    'GET /clients/{client}/secrets/{id}': [`${secrets}/${of.secret}`],
    'POST /clients/{client}/secrets': [secrets, {}],
    'PATCH /clients/{client}/secrets/{id}': [
      `${secrets}/${of.secret}`,
      { expires_at: '2100-01-01T00:00:00Z' },
    ],
    'DELETE /clients/{client}/secrets/{id}': [`${secrets}/${of.secret}`],
    'GET /audit': ['/audit'],
    'GET /audit/export': [`/audit/export?request_id=${randomUUID()}`],
    'GET /audit/stream': ['/audit/stream'],
    'GET /audit/bundle': ['/audit/bundle'],
    'GET /audit/checkpoints': ['/audit/checkpoints'],
    'GET /audit/checkpoints/consistency': ['/audit/checkpoints/consistency?from=0&to=0'],
    'GET /audit/log/checkpoint': ['/audit/log/checkpoint'],
    'GET /audit/log/tile/{level}/{index}': ['/audit/log/tile/0/000.p/1'],
    'GET /audit/proofs/{event}': [`/audit/proofs/${randomUUID()}`],
    'GET /audit/receipts/{id}': [`/audit/receipts/${randomUUID()}`],
    'GET /clients': ['/clients'],
    'GET /clients/{id}': [`/clients/${of.client}`],
    'POST /clients': ['/clients', named()],
    'PUT /clients/{id}': [`/clients/${of.client}`, named()],
    'PATCH /clients/{id}': [`/clients/${of.client}`, { disabled: true }],
    'DELETE /clients/{id}': [`/clients/${of.client}`],
    'GET /policies': ['/policies'],
    'GET /policies/{id}': [`/policies/${of.policy.policy_id}`],
    'GET /policies/{id}/versions': [policy],
    'GET /policies/{id}/versions/{version}': [`${policy}/${of.policy.id}`],
    'POST /policies': ['/policies', { ...named(), content: PERMIT_ALL }],
    'POST /policies/{id}/versions': [policy, { content: PERMIT_ALL }],
    'PATCH /policies/{id}': [`/policies/${of.policy.policy_id}`, { description: 'for tests' }],
    'DELETE /policies/{id}': [`/policies/${of.spare.policy}`],
    'GET /policy-sets': ['/policy-sets'],
    'GET /policy-sets/{id}': [`/policy-sets/${of.set.policy_set_id}`],
    'GET /policy-sets/{id}/versions': [set],
    'GET /policy-sets/{id}/versions/{version}': [`${set}/${of.set.id}`],
    'POST /policy-sets': ['/policy-sets', named()],
    'POST /policy-sets/{id}/versions': [set, { policy_version_ids: [of.policy.id] }],
    'PATCH /policy-sets/{id}': [`/policy-sets/${of.set.policy_set_id}`, named()],
    'DELETE /policy-sets/{id}': [`/policy-sets/${of.spare.set}`],
    'GET /policy-replays': ['/policy-replays'],
    'GET /policy-replays/{id}': [`/policy-replays/${of.replay}`],
    'POST /policy-replays/{id}/cancel': [`/policy-replays/${of.replay}/cancel`],
    'POST /policy-replays': ['/policy-replays', reference],
    'GET /access-analyses': ['/access-analyses'],
    'GET /access-analyses/{id}': [`/access-analyses/${of.analysis}`],
    'POST /access-analyses/{id}/cancel': [`/access-analyses/${of.analysis}/cancel`],
    'POST /access-analyses': ['/access-analyses', {}],
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
    'GET /step-up-types/{type}': ['/step-up-types/approval'],
    'PATCH /step-up-types/{type}': ['/step-up-types/approval', { quorum: 1 }],
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
    'PATCH /proof-systems/{id}': [`/proof-systems/${of.system}`, { disabled: true }],
    'DELETE /proof-systems/{id}': [`/proof-systems/${of.system}`],
    'GET /authenticators': ['/authenticators'],
    'GET /authenticators/{id}': [`/authenticators/${of.authenticator}`],
    'POST /authenticators': ['/authenticators', { subject: 'bob', kind: 'totp' }],
    'POST /authenticators/enrolments': ['/authenticators/enrolments', { subject: 'carol' }],
    'DELETE /authenticators/{id}': [`/authenticators/${of.authenticator}`],
    'GET /outbound-policies': ['/outbound-policies'],
    'GET /outbound-policies/{id}': [outbound],
    'POST /outbound-policies': ['/outbound-policies', { ...named(), target: 'ssf_delivery' }],
    'POST /outbound-policies/try': [
      '/outbound-policies/try',
      { url: 'https://203.0.113.7/jwks', target: 'jwks_fetch' },
    ],
    'PATCH /outbound-policies/{id}': [outbound, { enabled: true }],
    'PUT /outbound-policies/{id}': [outbound, { ...named(), target: 'jwks_fetch' }],
    'DELETE /outbound-policies/{id}': [outbound],
    'GET /webhooks': ['/webhooks'],
    'GET /webhooks/{id}': [webhook],
    'GET /webhooks/{id}/deliveries': [`${webhook}/deliveries`],
    'POST /webhooks/{id}/deliveries/{delivery}/retry': [
      `${webhook}/deliveries/${of.delivery}/retry`,
    ],
    'POST /webhooks/{id}/replay': [`${webhook}/replay`, { from: '2026-01-01T00:00:00Z' }],
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
    'POST /sessions/end': ['/sessions/end', { subject: 'nobody' }],
    'GET /revocations': ['/revocations'],
    'GET /revocations/{id}': [`/revocations/${of.revocation}`],
    'POST /revocations': ['/revocations', { target: { jti: randomUUID() }, reason: 'a test' }],
    'DELETE /sessions/{id}': [`/sessions/${of.session}`],
  };
  return {
    'GET /log-level': ['/log-level'],
    'PUT /log-level': ['/log-level', { level: 'info' }],
    'PUT /operators/control-zone': ['/operators/control-zone', { zone_id: zone.zoneId }],
    'GET /operators/control-zone': ['/operators/control-zone'],
    'DELETE /operators/control-zone': ['/operators/control-zone'],
    'GET /audit': ['/audit'],
    'GET /audit/export': [`/audit/export?request_id=${randomUUID()}`],
    // Of one zone: of all there may be more lately than one stream has.
    'GET /audit/stream': [`/audit/stream?zone=${zone.zoneId}`],
    'GET /audit/checkpoints': ['/audit/checkpoints'],
    'GET /audit/checkpoints/consistency': ['/audit/checkpoints/consistency?from=0&to=0'],
    'GET /audit/log/checkpoint': ['/audit/log/checkpoint'],
    'GET /audit/log/tile/{level}/{index}': ['/audit/log/tile/0/000.p/1'],
    'GET /audit/receipts/{id}': [`/audit/receipts/${randomUUID()}`],
    'GET /audit/checkpoint-keys': ['/audit/checkpoint-keys'],
    'POST /audit/checkpoint-keys': ['/audit/checkpoint-keys'],
    'GET /clients': ['/clients'],
    'GET /zones': ['/zones'],
    [`GET ${IN_ZONE}`]: [`/zones/${zone.zoneId}`],
    'POST /zones': ['/zones', named()],
    [`PATCH ${IN_ZONE}`]: [`/zones/${zone.zoneId}`, named()],
    'POST /policy/simulate': ['/policy/simulate', { version_id: of.set.id, input }],
    'GET /policy/status/{zoneID}': [`/policy/status/${zone.zoneId}`],
    'GET /decisions/{requestId}': [`/decisions/${of.request}`],
    'GET /decisions/{requestId}/explanation': [`/decisions/${of.request}/explanation`],
    'POST /decisions/{requestId}/replay': [`/decisions/${of.request}/replay`, {}],
    ...Object.fromEntries(
      Object.entries(inZone).map(([route, [path, body]]) => [
        route.replace(' ', ` ${IN_ZONE}`),
        [`/zones/${zone.zoneId}${path}`, body] as const,
      ]),
    ),
    'GET /webhooks': ['/webhooks'],
    'GET /webhooks/{id}': [several],
    'GET /webhooks/{id}/deliveries': [`${several}/deliveries`],
    'POST /webhooks/{id}/deliveries/{delivery}/retry': [
      `${several}/deliveries/${of.several.delivery}/retry`,
    ],
    'POST /webhooks/{id}/replay': [`${several}/replay`, { from: '2026-01-01T00:00:00Z' }],
    'POST /webhooks': [
      '/webhooks',
      { url: 'https://receiver.example/others', zone_ids: [zone.zoneId] },
    ],
    'POST /webhooks/{id}/secret': [`${several}/secret`],
    'POST /webhooks/{id}/test': [`${several}/test`],
    'PATCH /webhooks/{id}': [several, { enabled: false }],
    'DELETE /webhooks/{id}': [several],
    [`DELETE ${IN_ZONE}`]: [`/zones/${zone.zoneId}`],
    'GET /operators/me': ['/operators/me'],
    'GET /operators/me/keys': ['/operators/me/keys', undefined, own],
    'GET /operators/me/keys/{id}': [`/operators/me/keys/${spare}`, undefined, own],
    'POST /operators/me/keys': ['/operators/me/keys', { description: 'next' }, own],
    'DELETE /operators/me/keys/{id}': [`/operators/me/keys/${spare}`, undefined, own],
    'GET /operators': ['/operators'],
    'GET /operators/{id}': [`/operators/${other.id}`],
    'POST /operators': ['/operators', { ...named(), role: 'auditor' }],
    'PATCH /operators/{id}': [`/operators/${other.id}`, { disabled: true }],
    'GET /operators/{operator}/keys': [`/operators/${other.id}/keys`],
    'GET /operators/{operator}/keys/{id}': [`/operators/${other.id}/keys/${other.keyId}`],
    'POST /operators/{operator}/keys': [`/operators/${other.id}/keys`, { description: 'next' }],
    'DELETE /operators/{operator}/keys/{id}': [`/operators/${other.id}/keys/${other.keyId}`],
    'DELETE /operators/{id}': [`/operators/${other.id}`],
    'GET /operators/admin-token': ['/operators/admin-token'],
    'GET /outbound-policies': ['/outbound-policies'],
    'GET /outbound-policies/{id}': [everywhere],
    'POST /outbound-policies': [
      '/outbound-policies',
      { ...named(), target: 'webhook_delivery', enabled: false },
    ],
    'POST /outbound-policies/try': [
      '/outbound-policies/try',
      { url: 'https://203.0.113.7/jwks', target: 'jwks_fetch' },
    ],
    'PATCH /outbound-policies/{id}': [everywhere, { enabled: false }],
    'PUT /outbound-policies/{id}': [
      everywhere,
      { ...named(), target: 'ssf_delivery', enabled: false },
    ],
    'DELETE /outbound-policies/{id}': [everywhere],
    'GET /settings': ['/settings'],
    'PATCH /settings': ['/settings', {}],
    'GET /approvals': ['/approvals'],
    'GET /approvals/{id}': [`/approvals/${one}`],
    'POST /approvals/{id}/approve': [`/approvals/${one}/approve`, REASON, own],
    'POST /approvals/{id}/reject': [`/approvals/${another}/reject`, REASON, own],
    // The admin key lets nobody in after that.
    'POST /operators/admin-token/close': ['/operators/admin-token/close', undefined, own],
  };
}
