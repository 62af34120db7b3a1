import { randomUUID } from 'node:crypto';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { applicationOf } from '../setup/agents.js';
import { approveAs, openDesk, setType } from '../setup/approvals.js';
import { APPROVE_WRITES, heldIn } from '../setup/challenges.js';
import { newVerifier } from '../setup/feed.js';
import { borrowReplica, type Replica } from '../setup/harness.js';
import { introspect, introspectAll } from '../setup/introspection.js';
import { OpenApiCheck, operationsOf, type OpenApiDocument } from '../setup/openapi-check.js';
import { requestsOfOperators } from '../setup/operators-routes.js';
import { fragmentOf, openPage } from '../setup/pages.js';
import { persistently } from '../setup/patience.js';
import { reportProof } from '../setup/proof-systems.js';
import { newSignalReceiver } from '../setup/signal-receiver.js';
import { callAdmin, createTestZone, type TestZone } from '../setup/zone.js';

/** Whose success is not seen here, and why. */
const NOT_SEEN: Readonly<Record<string, string>> = {
  confirm_decide: 'needs a person, and is a page',
  logos_show: 'is a picture',
  operator_approvals_approve: 'needs the two-person rule, which is of the installation',
  operator_approvals_reject: 'needs the two-person rule, which is of the installation',
  log_level_change: 'is of the whole process, which other tests share',
  admin_token_close: 'is of all operators, and other tests are some',
  discovery_shared: 'needs a zone with the issuer that zones share',
  set_receiver_receive: 'needs an issuer that signs events, and has no body',
  status_lists_list: 'needs a list, and is no JSON',
  proof_report: 'has no body',
  zone_checkpoints_prove: 'needs a checkpoint (test/evidence)',
  transparency_log_checkpoint: 'needs a checkpoint, and is no JSON (test/evidence)',
  transparency_log_tile: 'needs a checkpoint, and is no JSON (test/evidence)',
  zone_transparency_log_checkpoint: 'needs a checkpoint, and is no JSON (test/evidence)',
  zone_transparency_log_tile: 'needs a checkpoint, and is no JSON (test/evidence)',
  zone_audit_delivery_bundle: 'needs a checkpoint, and is no JSON (test/evidence)',
  zone_checkpoints_receipts_of: 'needs a checkpoint (test/evidence)',
  checkpoints_receipts_of: 'needs a checkpoint (test/evidence)',
  receipts_show: 'needs a checkpoint (test/evidence)',
  receipts_show_in_zone: 'needs a checkpoint (test/evidence)',
  receipts_present: 'needs a checkpoint (test/evidence)',
  receipts_present_in_zone: 'needs a checkpoint (test/evidence)',
};

/** What is of the whole process, or of all operators of it: others use it at the same time. */
const OF_ALL = ['PUT /log-level', 'POST /operators/admin-token/close'];

const NO_ID = '00000000-0000-7000-8000-000000000000';

let replica: Replica;
let document: OpenApiDocument;
let check: OpenApiCheck;
/** What the answers of a walk have that the document has not. */
const problems = new Set<string>();
/** The operations that have answered with success. */
const seen = new Set<string>();

beforeAll(async () => {
  // Some of what is changed is of the whole installation.
  replica = await borrowReplica();
  document = JSON.parse(await (await fetch(`${replica.url}/docs-json`)).text());
  check = new OpenApiCheck(document);
  const { fetch: original } = globalThis;
  // Whatever the helpers of other tests ask is looked at as well.
  vi.stubGlobal('fetch', async (...asked: Parameters<typeof fetch>) => {
    const request = new Request(...asked);
    const response = await original(...asked);
    if (request.url.startsWith(replica.url)) {
      await look(request.method, new URL(request.url).pathname, response.clone());
    }
    return response;
  });
});
afterAll(async () => {
  vi.unstubAllGlobals();
  await replica?.stop();
});

async function look(method: string, path: string, response: Response): Promise<void> {
  const type = response.headers.get('content-type');
  // A stream has no end to wait for.
  const text = type?.startsWith('text/event-stream') === true ? '' : await response.text();
  const { status } = response;
  for (const problem of check.problemsWith({ method, path, status, type, text })) {
    problems.add(problem);
  }
  const found = check.operationAt(method, path);
  if (response.ok && found !== undefined) seen.add(found.operation.operationId);
}

/** Asks, and has the answer looked at. */
const get = (path: string, init: RequestInit = {}) =>
  persistently(() => fetch(`${replica.url}${path}`, init));
async function walkTokens(zone: TestZone): Promise<void> {
  const issued = await zone.exchange();
  const token = String(issued.body['access_token']);
  await zone.session({ client_secret: 'wrong' });
  await zone.session({ resource: 'resource://nothing' });
  await zone.session({ grant_type: 'authorization_code' });
  const own = { clientId: zone.clientId, secret: zone.secret };
  for (const path of ['/oauth/2/introspect', `/zones/${zone.zoneId}/oauth/2/introspect`]) {
    await introspect(replica.url, token, own, { path });
    await introspect(replica.url, 'nonsense', own, { path });
    await introspectAll(replica.url, { tokens: [token, 'nonsense'] }, own, { path });
    await introspect(replica.url, token, null, { path });
  }
  for (const path of ['/receipts', `/zones/${zone.zoneId}/receipts`]) {
    const authorization = `Basic ${Buffer.from(`${zone.clientId}:${zone.secret}`).toString('base64')}`;
    for (const jti of [String(decodeJwt(token).jti), NO_ID]) {
      await get(`${path}/${jti}`, { headers: { authorization } });
    }
    await get(`${path}/${NO_ID}`);
    for (const mandate of [token, 'nonsense', '']) {
      await get(path, { method: 'POST', body: new URLSearchParams({ mandate }) });
    }
  }
  const form = (fields: Record<string, string>) => ({
    method: 'POST',
    body: new URLSearchParams({ client_id: zone.clientId, client_secret: zone.secret, ...fields }),
  });
  const asked = { grant_type: 'client_credentials', resource: zone.resource, scope: 'a:read' };
  await get(`/zones/${zone.zoneId}/oauth/2/token`, form(asked));
  await get(`/zones/${NO_ID}/oauth/2/token`, form(asked));
  await get('/oauth/2/token', { method: 'POST', body: '{}' });
  await get('/oauth/2/revoke', form({ token }));
  await get(`/zones/${zone.zoneId}/oauth/2/revoke`, form({ token }));
  await get('/oauth/2/authorize?response_type=code');
  await get(`/zones/${zone.zoneId}/oauth/2/authorize`);
}

async function walkPublic(zone: TestZone): Promise<void> {
  const { items } = (await zone.admin('GET', '/resources')) as { items: { id: string }[] };
  const of = (path: string) =>
    path.replace('{zone}', zone.zoneId).replace('{id}', items[0]?.id ?? '');
  const open = operationsOf(document).filter(
    ({ method, operation }) =>
      method === 'GET' && ['discovery', 'probes', 'verifiers'].includes(operation.tags?.[0] ?? ''),
  );
  for (const { path } of open) {
    await get(`${of(path)}?zone_id=${zone.zoneId}`);
    await get(path.replaceAll(/\{\w+\}/g, NO_ID));
  }
  const { status_lists: lists } = JSON.parse(
    await (await get(`/zones/${zone.zoneId}/status`)).text(),
  ) as { status_lists: string[] };
  for (const list of lists) await get(new URL(list).pathname);
  await get(`/zones/${zone.zoneId}/status/0-0?time=1`);
}

async function walkAgents(zone: TestZone): Promise<void> {
  const app = await applicationOf(zone);
  const [source, target] = [await app.open({ lifecycle: 'service' }), await app.open()];
  const edge = await app.delegate(source, target);
  await app.call('GET', `/agent-sessions/${source}`);
  await app.call('POST', `/agent-sessions/${source}/heartbeat`);
  await app.call('GET', `/delegations/${edge}`);
  await app.call('POST', `/delegations/${edge}/accept`);
  await app.call('DELETE', `/delegations/${edge}`);
  await app.call('DELETE', `/agent-sessions/${target}`);
  await app.call('GET', `/agent-sessions/${NO_ID}`);
  await app.call('POST', '/agent-sessions', {});
  await app.call('GET', `/agent-sessions/${source}`, undefined, { token: null });
  const at = `/zones/${zone.zoneId}`;
  const agent = async (lifecycle: string) => {
    const body = { application_id: app.clientId, lifecycle };
    const made = await app.call('POST', `${at}/agents`, body);
    return String(made.body['agent_session_id']);
  };
  const [one, other] = [await agent('service'), await agent('task')];
  await app.call('GET', `${at}/agents/${one}`);
  await app.call('POST', `${at}/agents/${one}/heartbeat`, {});
  await app.call('POST', `${at}/agents/${one}/lease`);
  const delegated = await app.call('POST', `${at}/delegations`, {
    issuer_application_id: app.clientId,
    receiver_application_id: app.clientId,
    source_session_id: one,
    target_session_id: other,
    scopes: ['shared'],
  });
  const id = String(delegated.body['delegation_edge_id']);
  await app.call('GET', `${at}/delegations/${id}`);
  await app.call('GET', `${at}/delegations/inbound/${other}`);
  await app.call('GET', `${at}/delegations/inbound/${other}/${id}`);
  await app.call('PATCH', `${at}/delegations/${id}/revoke`);
  await app.call('DELETE', `${at}/delegations/${id}`);
  await app.call('DELETE', `${at}/agents/${one}`);
  await app.call('POST', `${at}/agents`, { application_id: NO_ID });
}

async function walkStepUp(zone: TestZone): Promise<void> {
  await openDesk(zone);
  await zone.activate(APPROVE_WRITES);
  await setType(zone, { subject_may_satisfy: true, satisfied_by: ['approver', 'totp'] });
  const held = async () => heldIn(await zone.session({ scope: 'a:write' }));
  const challenge = await held();
  await get(`/step-up/${challenge.id}`);
  await get(`/step-up/${NO_ID}`);
  await get(`/step-up/${challenge.id}?wait=soon`);
  await approveAs(await applicationOf(zone), challenge.id);
  await zone.session({ scope: 'a:write', ...challenge.response });
  const reported = await held();
  const shown = await zone.admin('GET', `/challenges/${reported.id}`);
  const body = { binding: shown['binding'] };
  await reportProof(zone, { id: NO_ID, secret: 'c2VjcmV0' }, reported.id, { body });
  await get(`/step-up/${reported.id}/confirm`);
  await get(`/step-up/${NO_ID}/confirm`);
  await openPage(replica, `/step-up/${reported.id}/confirm`, { proof: 'none' });
  const subject = { subject: `person ${randomUUID()}` };
  const invited = await zone.admin('POST', '/authenticators/enrolments', subject);
  await get('/step-up/enrol');
  await openPage(replica, '/step-up/enrol', { link: fragmentOf(invited['enrolment_url']) });
  await openPage(replica, '/step-up/enrol', { link: 'another' });
  await get('/step-up/enrol/old');
  const page = await (await get('/step-up/enrol')).text();
  const asset = /"\/?(?:step-up\/)?(assets\/[^"]+)"/.exec(page)?.[1] ?? 'assets/none';
  await get(`/step-up/${asset}`);
  await get('/step-up/assets/none');
}

async function walkSignals(zone: TestZone): Promise<void> {
  const receiver = await newSignalReceiver(zone);
  const poll = { method: 'urn:ietf:rfc:8936' };
  const endpoint = 'configuration_endpoint';
  const made = await receiver.call('POST', endpoint, { delivery: poll });
  const id = String(made.body['stream_id']);
  const query = `?stream_id=${id}`;
  await receiver.call('GET', endpoint);
  await receiver.call('GET', endpoint, undefined, { query });
  await receiver.call('PATCH', endpoint, { stream_id: id, description: 'mine' });
  await receiver.call('PUT', endpoint, { stream_id: id, delivery: poll });
  await receiver.call('GET', 'status_endpoint', undefined, { query });
  await receiver.call('POST', 'status_endpoint', { stream_id: id, status: 'enabled' });
  await receiver.call('POST', 'verification_endpoint', { stream_id: id });
  const subject = { format: 'iss_sub', iss: zone.issuer, sub: 'someone' };
  await receiver.call('POST', 'remove_subject_endpoint', { stream_id: id, subject });
  await receiver.call('POST', 'add_subject_endpoint', { stream_id: id, subject });
  await receiver.poll(id);
  await receiver.call('POST', endpoint, { delivery: poll });
  await receiver.call('GET', endpoint, undefined, { bearer: null });
  await receiver.call('DELETE', endpoint, undefined, { query });
  const receive = `/zones/${zone.zoneId}/ssf/receive`;
  const type = { 'content-type': 'application/secevent+jwt' };
  await get(receive, { method: 'POST', body: 'nonsense', headers: type });
}

async function walkFeed(zone: TestZone): Promise<void> {
  const verifier = await newVerifier(zone);
  await zone.admin('POST', '/revocations', { target: { jti: randomUUID() }, reason: 'a test' });
  await verifier.read();
  await verifier.read('?after=nonsense');
  const over = new AbortController();
  const accept = { accept: 'text/event-stream', authorization: verifier.basic };
  await get(`/zones/${zone.zoneId}/revocations`, { headers: accept, signal: over.signal });
  over.abort();
}

/** Of a machine that is so busy that it says so, one asks again. */
const ask = (method: string, path: string, body?: unknown, headers?: Record<string, string>) =>
  persistently(() => callAdmin(replica, method, path, body, headers));

/** Begins to read what has no end. */
async function glance(path: string): Promise<void> {
  const over = new AbortController();
  const headers = { authorization: `Bearer ${replica.adminToken}` };
  await get(`/internal${path}`, { headers, signal: over.signal });
  over.abort();
}

/** Every route of operators: refused in the usual ways, then granted. */
async function walkOperators(zone: TestZone): Promise<void> {
  for (const [route, [path, body, key]] of Object.entries(await requestsOfOperators(zone))) {
    const [method = ''] = route.split(' ');
    if (OF_ALL.includes(route)) continue;
    if (route.endsWith('/audit/stream')) {
      await glance(path);
      continue;
    }
    await ask(method, path.replaceAll(/[0-9a-f-]{36}/g, NO_ID), body);
    if (method === 'GET') {
      await ask(method, `${path}?no_such_parameter=1`);
    } else {
      const headers = { 'if-match': '"another"', accept: 'application/problem+json' };
      await ask(method, path, { ...body, no_such_member: true }, headers);
    }
    // The admin key has no keys of its own.
    const isOwn = key !== undefined && route.includes('/operators/me/keys');
    const by = isOwn ? { authorization: `Bearer ${key}` } : {};
    if (route !== 'DELETE /zones/{zone}') await ask(method, path, body, by);
  }
  for (const { method, path } of operationsOf(document)) {
    if (method !== 'GET' || !path.startsWith('/admin/management/')) continue;
    const headers = { authorization: `Bearer ${replica.adminToken}` };
    for (const id of [NO_ID, zone.zoneId]) {
      await get(path.replace('{tenant}', id).replaceAll(/\{\w+\}/g, NO_ID), { headers });
    }
  }
  await get('/internal/zones');
  await ask('DELETE', `/zones/${zone.zoneId}`);
  const headers = { 'content-type': 'text/plain' };
  await ask('POST', '/zones', { name: 'no JSON' }, headers);
  await ask('POST', '/zones', { name: 'x'.repeat(1_024 * 1_024) });
}

test('has every answer of a walk through all that there is', { timeout: 400_000 }, async () => {
  for (const walk of [walkTokens, walkPublic, walkAgents, walkStepUp, walkSignals, walkFeed]) {
    await walk(await createTestZone(replica));
  }
  await walkOperators(await createTestZone(replica));
  expect([...problems]).toEqual([]);
  const successful = operationsOf(document).filter(({ operation }) =>
    Object.keys(operation.responses).some((status) => status.startsWith('2')),
  );
  const missed = successful
    // What is asked by the paths of Shyntr is looked at where it is asked (test/admin).
    .filter(({ path }) => !path.startsWith('/admin/management/'))
    .map(({ operation }) => operation.operationId)
    .filter((id) => !seen.has(id) && !(id in NOT_SEEN));
  expect(missed).toEqual([]);
});
