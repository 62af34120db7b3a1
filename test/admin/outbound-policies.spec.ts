import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createDatabase, startReplica, type Replica } from '../setup/harness.js';
import { ALLOW_KEY_SERVER as ALLOW_ALL } from '../setup/key-server.js';
import { newOperator } from '../setup/operators.js';
import { persistently } from '../setup/patience.js';
import { startReceiver, type Receiver } from '../setup/receiver.js';
import { callAdmin, createTestZone, type TestZone } from '../setup/zone.js';

let open: Replica;
let receiver: Receiver;
/** A zone in which nothing is made. */
let unchanged: InZone;

beforeAll(async () => {
  receiver = await startReceiver();
  open = await startReplica({ databaseUrl: await createDatabase(), env: ALLOW_ALL });
  unchanged = await newZone();
});
afterAll(async () => {
  await open?.stop();
  await receiver?.close();
});

type Headers = Record<string, string>;
const call = (method: string, path: string, body?: unknown, headers?: Headers, at = open) =>
  persistently(() => callAdmin(at, method, path, body, headers));

/** A policy that takes nothing away from what is allowed there, with a name of its own. */
const permissive = (target = 'webhook_delivery') => ({
  name: `policy ${randomUUID()}`,
  target,
  block_private_ips: false,
  block_loopback_ips: false,
  block_localhost_names: false,
});

interface InZone {
  readonly zone: TestZone;
  readonly at: string;
}

async function newZone(): Promise<InZone> {
  const zone = await createTestZone(open);
  return { zone, at: `/zones/${zone.zoneId}/outbound-policies` };
}

describe('a policy', () => {
  test('is made, shown, changed, replaced and removed, each of which is recorded', async () => {
    const { zone, at } = await newZone();
    const made = await call('POST', at, {
      name: 'hooks',
      target: 'webhook_delivery',
      allowed_host_patterns: ['*.example.com'],
      allowed_path_patterns: ['/hooks/*'],
      allowed_ports: [443],
      allowed_schemes: ['https'],
      disable_redirects: true,
      require_dns_resolve: true,
      request_timeout_seconds: 5,
      max_response_bytes: 1_024,
    });
    expect(made.status).toBe(201);
    const { id } = made.body;
    expect(made.body).toEqual({
      id: expect.any(String),
      zone_id: zone.zoneId,
      name: 'hooks',
      target: 'webhook_delivery',
      enabled: true,
      allowed_host_patterns: ['*.example.com'],
      allowed_path_patterns: ['/hooks/*'],
      allowed_ports: [443],
      allowed_schemes: ['https'],
      block_private_ips: true,
      block_loopback_ips: true,
      block_localhost_names: true,
      block_link_local_ips: true,
      block_multicast_ips: true,
      disable_redirects: true,
      require_dns_resolve: true,
      request_timeout_seconds: 5,
      max_response_bytes: 1_024,
      created_at: expect.any(String),
      updated_at: expect.any(String),
    });
    expect(made.headers.get('location')).toBe(`/internal${at}/${String(id)}`);
    const one = `${at}/${String(id)}`;
    const shown = await call('GET', one);
    expect(shown.body).toEqual(made.body);
    expect(shown.headers.get('etag')).toBe(made.headers.get('etag'));
    expect((await call('GET', `${at}?target=webhook_delivery&search=HOOK`)).body['items']).toEqual([
      made.body,
    ]);
    expect((await call('GET', `${at}?name=hook`)).body['items']).toEqual([]);

    const changed = await call('PATCH', one, { enabled: false, allowed_ports: null });
    expect(changed.body).toEqual({
      ...made.body,
      enabled: false,
      allowed_ports: [],
      updated_at: expect.any(String),
    });
    const [row] = await zone.audit(changed.requestId);
    expect(row?.event).toMatchObject({
      type: 'admin.outbound_policy.changed',
      before: { enabled: true, allowed_ports: [443] },
      after: { enabled: false, allowed_ports: [] },
    });
    const stale = { 'if-match': made.headers.get('etag') ?? '' };
    for (const [method, body] of [
      ['PATCH', { enabled: true }],
      ['PUT', permissive()],
      ['DELETE', undefined],
    ] as const) {
      // oxlint-disable-next-line no-await-in-loop
      expect((await call(method, one, body, stale)).status).toBe(412);
    }
    const replaced = await call('PUT', one, { name: 'hooks', target: 'webhook_delivery' });
    expect(replaced.body).toMatchObject({
      enabled: true,
      allowed_host_patterns: [],
      request_timeout_seconds: null,
      max_response_bytes: null,
    });
    const other = await call('PUT', one, { name: 'hooks', target: 'jwks_fetch' });
    expect([other.status, other.body['error_description']]).toEqual([
      422,
      'target: it cannot change; make another policy',
    ]);
    const dry = await call('DELETE', `${one}?dry_run=true`);
    const present = await call('GET', one);
    expect([dry.status, dry.headers.get('etag'), dry.body]).toEqual([
      200,
      present.headers.get('etag'),
      { dry_run: true, would: { delete: present.body, affects: { zones: 1 } } },
    ]);
    expect((await call('DELETE', one)).status).toBe(204);
    expect((await call('GET', one)).status).toBe(404);
    expect((await call('DELETE', `${one}?dry_run=true`)).status).toBe(404);
  });

  test('is the only one for its requests in its zone', async () => {
    const { at } = await newZone();
    await call('POST', at, permissive());
    const again = await call('POST', at, permissive());
    expect([again.status, again.body['errors']]).toEqual([
      409,
      [{ field: 'target', message: 'it is taken', code: 'taken' }],
    ]);
    const elsewhere = await newZone();
    expect((await call('POST', elsewhere.at, permissive())).status).toBe(201);
  });

  test.each([
    [{ target: 'saml_metadata' }, 422, 'target must be one of'],
    [{ target: undefined }, 400, 'target'],
    [{ name: '' }, 400, 'name'],
    [{ allowed_host_patterns: ['a.*.example'] }, 400, 'allowed_host_patterns'],
    [{ allowed_path_patterns: ['hooks'] }, 400, 'allowed_path_patterns'],
    [{ allowed_ports: [0] }, 400, 'allowed_ports'],
    [{ allowed_ports: [65_536] }, 400, 'allowed_ports'],
    [{ allowed_schemes: ['ftp'] }, 400, 'allowed_schemes'],
    [{ block_link_local_ips: false }, 400, 'block_link_local_ips must be true'],
    [{ block_multicast_ips: false }, 400, 'block_multicast_ips must be true'],
    [{ disable_redirects: false }, 400, 'disable_redirects must be true'],
    [{ require_dns_resolve: false }, 400, 'require_dns_resolve must be true'],
    [{ request_timeout_seconds: 31 }, 400, 'request_timeout_seconds'],
    [{ max_response_bytes: 1_023 }, 400, 'max_response_bytes'],
    [{ unknown: 1 }, 400, 'unknown'],
  ])('of %j is refused', async (body, status, words) => {
    const { zone, at } = unchanged;
    const refused = await call('POST', at, { ...permissive(), ...body });
    expect([refused.status, refused.body['error_description']]).toEqual([
      status,
      expect.stringContaining(words),
    ]);
    expect(await zone.audit(refused.requestId)).toEqual([]);
  });

  test('cannot give what the environment does not', async () => {
    // In a database of its own: all replicas of one send what is to be sent, each from where it may.
    const strict = await startReplica({
      databaseUrl: await createDatabase(),
      env: { ALLOW_PRIVATE_FETCH: 'false', ALLOW_INSECURE_FETCH: 'false' },
    });
    const { zoneId } = await createTestZone(strict);
    const at = `/zones/${zoneId}/outbound-policies`;
    for (const [body, words] of [
      [{ block_private_ips: false }, 'block_private_ips: ALLOW_PRIVATE_FETCH is not set'],
      [{ allowed_schemes: ['http'] }, 'allowed_schemes: ALLOW_INSECURE_FETCH is not set'],
    ] as const) {
      const policy = { name: 'x', target: 'jwks_fetch', ...body };
      // oxlint-disable-next-line no-await-in-loop
      const refused = await call('POST', at, policy, {}, strict);
      expect([refused.status, refused.body['error_description']]).toEqual([422, words]);
    }
    await strict.stop();
  });

  test('is of its zone alone', async () => {
    const [mine, theirs] = [await newZone(), await newZone()];
    const { body } = await call('POST', mine.at, permissive());
    for (const [method, change] of [
      ['GET', undefined],
      ['PATCH', { enabled: false }],
      ['DELETE', undefined],
    ] as const) {
      // oxlint-disable-next-line no-await-in-loop
      const { status } = await call(method, `${theirs.at}/${String(body['id'])}`, change);
      expect(status).toBe(404);
    }
    expect((await call('GET', theirs.at)).body['items']).toEqual([]);
  });
});

describe('what is sent to webhooks', () => {
  test('goes where the policy of the zone lets it from the next attempt on', async () => {
    const { zone, at } = await newZone();
    const path = `/${randomUUID()}`;
    const webhooks = `/zones/${zone.zoneId}/webhooks`;
    const { body: webhook } = await call('POST', webhooks, { url: `${receiver.url}${path}` });
    const one = `${webhooks}/${String(webhook['id'])}`;
    const { body: policy } = await call('POST', at, {
      ...permissive(),
      name: 'elsewhere',
      allowed_path_patterns: ['/elsewhere/*'],
    });
    await call('POST', `${one}/test`);
    const lastError = async () => {
      const [delivery] = (await call('GET', `${one}/deliveries`)).body['items'] as object[];
      return Reflect.get(delivery ?? {}, 'last_error');
    };
    await expect.poll(lastError).toBe('the outbound policy "elsewhere" does not allow the path');
    const registered = await call('POST', webhooks, { url: `${receiver.url}/other` });
    expect([registered.status, registered.body['error_description']]).toEqual([
      400,
      'url: the outbound policy "elsewhere" does not allow the path',
    ]);
    expect(receiver.received.filter((message) => message.path === path)).toEqual([]);
    await call('PATCH', `${at}/${String(policy['id'])}`, { allowed_path_patterns: [path] });
    await call('POST', `${one}/test`);
    await expect
      .poll(() => receiver.received.filter((message) => message.path === path).length)
      .toBeGreaterThan(0);
  });

  test('goes to no address that a policy blocks', async () => {
    const { zone, at } = await newZone();
    const webhooks = `/zones/${zone.zoneId}/webhooks`;
    await call('POST', at, { ...permissive(), name: 'public', block_loopback_ips: true });
    // Which address a name leads to is known when something is sent.
    const { body: webhook } = await call('POST', webhooks, { url: `${receiver.url}/blocked` });
    const one = `${webhooks}/${String(webhook['id'])}`;
    await call('POST', `${one}/test`);
    const lastError = async () => {
      const [delivery] = (await call('GET', `${one}/deliveries`)).body['items'] as object[];
      return Reflect.get(delivery ?? {}, 'last_error');
    };
    await expect.poll(lastError).toBe('the outbound policy "public" does not allow this machine');
    expect(receiver.received.filter(({ path }) => path === '/blocked')).toEqual([]);
  });
});

describe('a policy of the installation', () => {
  test('holds for all zones, whose own only take away more', async () => {
    const { zone, at } = await newZone();
    const target = 'ssf_delivery';
    const made = await call('POST', '/outbound-policies', {
      ...permissive(target),
      name: 'all zones',
      allowed_host_patterns: ['*.example.com', '10.0.0.1'],
    });
    expect([made.status, made.body]).toEqual([
      201,
      expect.not.objectContaining({ zone_id: expect.anything() }),
    ]);
    const one = `/outbound-policies/${String(made.body['id'])}`;
    const [row] = await zone.audit(made.requestId);
    expect(row).toMatchObject({
      zone_id: '00000000-0000-0000-0000-000000000000',
      event: { type: 'admin.outbound_policy.created', operator: 'admin key' },
    });
    const attempt = async (url: string) =>
      (await call('POST', `${at}/try`, { url, target })).body['reason'] ?? 'allowed';
    await call('POST', at, {
      ...permissive(target),
      name: 'mine',
      allowed_host_patterns: ['10.0.0.1', '10.0.0.2'],
    });
    expect(await attempt('https://10.0.0.1/')).toBe('allowed');
    expect(await attempt('https://10.0.0.2/')).toBe(
      'the outbound policy "all zones" does not allow the host',
    );
    expect(await attempt('https://a.example.com/')).toBe(
      'the outbound policy "mine" does not allow the host',
    );
    expect((await call('GET', '/outbound-policies')).body['items']).toEqual([made.body]);
    expect((await call('GET', `${at}/${String(made.body['id'])}`)).status).toBe(404);
    const again = await call('POST', '/outbound-policies', { name: 'again', target });
    expect([again.status, again.body['errors']]).toEqual([
      409,
      [{ field: 'target', message: 'it is taken', code: 'taken' }],
    ]);
    const stale = { 'if-match': made.headers.get('etag') ?? '' };
    expect((await call('PATCH', one, { enabled: false }, stale)).status).toBe(200);
    expect((await call('DELETE', one, undefined, stale)).status).toBe(412);
    expect((await call('DELETE', `${one}?dry_run=true`, undefined, stale)).status).toBe(412);
    expect((await call('DELETE', `${one}?dry_run=true`)).status).toBe(200);
    expect(await attempt('https://10.0.0.2/')).toBe('allowed');
    expect((await call('DELETE', one)).status).toBe(204);
  });
});

test('keys and signals are registered only where a policy lets them be fetched', async () => {
  const { zone, at } = await newZone();
  const path = (noun: string) => `/zones/${zone.zoneId}/${noun}`;
  const url = 'https://keys.example.org/jwks';
  const issuer = {
    issuer: 'https://other.example',
    token_types: ['client_assertion'],
    jwks_uri: url,
  };
  const before = await call('POST', path('issuers'), issuer);
  expect(before.status).toBe(201);
  for (const target of ['jwks_fetch', 'ssf_delivery']) {
    // oxlint-disable-next-line no-await-in-loop
    await call('POST', at, {
      ...permissive(target),
      name: target,
      allowed_host_patterns: ['*.example.com'],
    });
  }
  const refusals = [
    ['POST', 'clients', { name: 'by keys', jwks_uri: url }, 'jwks_fetch'],
    ['POST', 'issuers', { ...issuer, issuer: 'https://third.example' }, 'jwks_fetch'],
    ['PATCH', `issuers/${String(before.body['id'])}`, { ssf_poll_url: url }, 'ssf_delivery'],
    [
      'PATCH',
      `clients/${zone.clientId}`,
      { auth_methods: ['private_key_jwt'], jwks_uri: url },
      'jwks_fetch',
    ],
  ] as const;
  for (const [method, noun, body, policy] of refusals) {
    // oxlint-disable-next-line no-await-in-loop
    const refused = await call(method, path(noun), body);
    expect([method, noun, refused.status, refused.body['error_description']]).toEqual([
      method,
      noun,
      422,
      expect.stringContaining(`the outbound policy "${policy}" does not allow the host`),
    ]);
  }
  // What was registered before stays, and so does all else of it change.
  const kept = await call('PATCH', path(`issuers/${String(before.body['id'])}`), {
    subject_claim: 'oid',
  });
  expect([kept.status, kept.body['jwks_uri']]).toEqual([200, url]);
});

describe('a trial', () => {
  test('says what would come of a request, and makes none', async () => {
    const { at } = await newZone();
    const attempt = async (url: string, target = 'webhook_delivery') =>
      (await call('POST', `${at}/try`, { url, target })).body;
    expect(await attempt(`${receiver.url}/trial`)).toEqual({
      allowed: true,
      addresses: ['127.0.0.1'],
      policies: [],
    });
    await call('POST', at, { ...permissive(), name: 'mine', block_loopback_ips: true });
    expect(await attempt(`${receiver.url}/trial`)).toEqual({
      allowed: false,
      reason: 'the outbound policy "mine" does not allow this machine',
      addresses: ['127.0.0.1'],
      policies: ['mine'],
    });
    expect(await attempt(`${receiver.url}/trial`, 'jwks_fetch')).toMatchObject({ allowed: true });
    expect(await attempt('ftp://a.example/')).toEqual({
      allowed: false,
      reason: 'it is not https',
      policies: ['mine'],
    });
    expect(await attempt('https://169.254.169.254/latest')).toMatchObject({
      allowed: false,
      reason: 'the name leads to an address that is not allowed',
    });
    expect(await attempt('https://nobody.invalid/')).toMatchObject({
      allowed: false,
      reason: expect.stringMatching(/^(the name cannot be resolved|it took too long)$/),
    });
    expect(receiver.received.filter(({ path }) => path === '/trial')).toEqual([]);
  });

  test('tells an operator of some zones whether and why, and not where a name leads', async () => {
    const { zone, at } = await newZone();
    const near = await newOperator(open, { role: 'owner', zones: [zone.zoneId] });
    const attempt = async (url: string) =>
      (await near.call('POST', `${at}/try`, { url, target: 'webhook_delivery' })).body;
    expect(await attempt(`${receiver.url}/a`)).toEqual({ allowed: true, policies: [] });
    await near.call('POST', at, { ...permissive(), name: 'mine', block_loopback_ips: true });
    expect(await attempt(`${receiver.url}/a`)).toEqual({
      allowed: false,
      reason: 'the outbound policy "mine" does not allow this machine',
      policies: ['mine'],
    });
  });
});
