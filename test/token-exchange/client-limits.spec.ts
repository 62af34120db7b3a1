import { randomUUID } from 'node:crypto';
import { decodeJwt } from 'jose';
import { beforeAll, describe, expect, test } from 'vitest';
import { applicationOf } from '../setup/agents.js';
import { sharedReplica, type Replica } from '../setup/harness.js';
import { persistently } from '../setup/patience.js';
import { createTestZone, type Parameters, type TestZone } from '../setup/zone.js';

let replica: Replica;
let other: Replica;
let zone: TestZone;

beforeAll(async () => {
  replica = await sharedReplica('first');
  other = await sharedReplica('second');
  zone = await createTestZone(replica);
});

/** A client with limits of its own, and the ways to ask as it. */
async function newClient(limits: object = {}) {
  const { clientId, secret } = await zone.newClient(limits);
  const as = (parameters: Parameters): Parameters => ({
    client_id: clientId,
    client_secret: secret,
    ...parameters,
  });
  return {
    clientId,
    ask: (parameters: Parameters = {}, at = replica) =>
      persistently(() => zone.sessionAt(at, as(parameters))),
    exchange: (parameters: Parameters) => persistently(() => zone.exchange(as(parameters))),
    change: (limits_: object) => zone.admin('PATCH', `/clients/${clientId}`, limits_),
  };
}

const lifeOf = (token: unknown): number => {
  const { iat = 0, exp = 0 } = decodeJwt(String(token));
  return exp - iat;
};

describe('the access_token_lifespan of a client', () => {
  test('is the most that its mandates live, of both kinds, and is on record', async () => {
    const { ask, exchange } = await newClient({ access_token_lifespan: 120 });
    const session = await ask({ ttl_seconds: '600' });
    expect(session).toMatchObject({ status: 200, body: { expires_in: 120 } });
    expect(lifeOf(session.body['access_token'])).toBe(120);
    const mandate = await exchange({ subject_token: String(session.body['access_token']) });
    expect(mandate.status).toBe(200);
    expect(lifeOf(mandate.body['access_token'])).toBeLessThanOrEqual(120);
    const [event] = await zone.audit(session.requestId);
    expect(event?.event).toMatchObject({ access_token_lifespan: 120 });
  });

  test('lengthens nothing, and @max_ttl goes on counting', async () => {
    const { ask } = await newClient({ access_token_lifespan: 3_600 });
    expect((await ask()).body['expires_in']).toBe(900);
    const own = await createTestZone(replica);
    await own.activate(
      '@id("a") @max_ttl("60") permit (principal, action == Action::"TokenExchange", resource);',
    );
    await own.admin('PATCH', `/clients/${own.clientId}`, { access_token_lifespan: 300 });
    expect((await persistently(() => own.session())).body['expires_in']).toBe(60);
    await own.admin('PATCH', `/clients/${own.clientId}`, { access_token_lifespan: 30 });
    expect((await persistently(() => own.session())).body['expires_in']).toBe(30);
  });
});

describe('the scopes of a client', () => {
  test('are all that it is granted: what is asked for beyond is refused', async () => {
    const { ask } = await newClient({ scopes: ['a:read', 'shared'] });
    const granted = await ask({ scope: 'a:read shared' });
    expect(granted).toMatchObject({ status: 200, body: { scope: 'a:read shared' } });
    const refused = await ask({ scope: 'a:read a:write' });
    expect([refused.status, refused.body['error']]).toEqual([400, 'invalid_scope']);
    const [event] = await zone.audit(refused.requestId);
    expect(event?.event).toMatchObject({ outcome: 'denied', error: 'invalid_scope' });
  });

  test('narrow what is not asked for by name; an empty list leaves none', async () => {
    const { ask, exchange, change } = await newClient();
    const session = String((await ask({ scope: 'a:read a:write' })).body['access_token']);
    await change({ scopes: ['a:write'] });
    const narrowed = await exchange({ subject_token: session, scope: undefined });
    expect(narrowed).toMatchObject({ status: 200, body: { scope: 'a:write' } });
    await change({ scopes: [] });
    expect((await ask({ scope: 'a:read' })).body['error']).toBe('invalid_scope');
    await change({ scopes: null });
    expect((await ask({ scope: 'a:read a:write' })).status).toBe(200);
  });
});

describe('the audience of a client', () => {
  test('is all that it may have mandates for', async () => {
    const { ask } = await newClient({ audience: [zone.resource] });
    expect((await ask()).status).toBe(200);
    const refused = await ask({ resource: zone.otherResource, scope: 'b:read' });
    expect([refused.status, refused.body['error']]).toEqual([400, 'invalid_target']);
    const both = await ask({ resource: [zone.resource, zone.otherResource], scope: 'shared' });
    expect(both.body['error']).toBe('invalid_target');
    const [event] = await zone.audit(refused.requestId);
    expect(event?.event['reason']).toMatch(/^beyond the audience of the client: /);
  });

  test('narrows what a request is for that names nothing', async () => {
    const { ask } = await newClient({
      audience: [zone.otherResource],
      default_resources: [zone.resource, zone.otherResource],
    });
    const granted = await ask({ resource: undefined, scope: 'shared' });
    expect(granted.status).toBe(200);
    expect(decodeJwt(String(granted.body['access_token']))['target']).toEqual([zone.otherResource]);
  });
});

test('what a client is not granted any more it does not delegate either, by a mandate of before', async () => {
  const { clientId, secret } = await zone.newClient();
  const app = await applicationOf(zone, { clientId, secret });
  const [source, target] = [await app.open(), await app.open()];
  const token = await app.bearer({
    resource: [zone.resource, zone.otherResource],
    scope: 'shared',
  });
  const delegate = async (body: object) => {
    const answer = await app.call(
      'POST',
      '/delegations',
      { source_session_id: source, target_session_id: target, scopes: ['shared'], ...body },
      { token },
    );
    return answer.body['error'] ?? answer.body['constraints'];
  };
  const change = (limits: object) => zone.admin('PATCH', `/clients/${clientId}`, limits);
  await change({ audience: [zone.resource] });
  expect(await delegate({ resource: zone.otherResource })).toBe('invalid_target');
  expect(await delegate({})).toMatchObject({ resources: [zone.resource] });
  await change({ audience: null, scopes: ['a:read'] });
  expect(await delegate({})).toBe('invalid_scope');
});

test('a limit counts from the answer of its change on, at every replica', async () => {
  const { ask, change } = await newClient();
  for (const at of [replica, other]) {
    // oxlint-disable-next-line no-await-in-loop
    expect((await ask({ scope: 'a:write' }, at)).status).toBe(200);
  }
  await change({ scopes: ['a:read'], access_token_lifespan: 60 });
  for (const at of [other, replica]) {
    // oxlint-disable no-await-in-loop
    expect((await ask({ scope: 'a:write' }, at)).body['error']).toBe('invalid_scope');
    expect((await ask({ scope: 'a:read' }, at)).body['expires_in']).toBe(60);
    // oxlint-enable no-await-in-loop
  }
  await change({ scopes: null, access_token_lifespan: null });
  expect((await ask({ scope: 'a:write' }, other)).body['expires_in']).toBe(900);
});

test.each([
  { access_token_lifespan: 0 },
  { access_token_lifespan: 3_601 },
  { access_token_lifespan: 1.5 },
  { access_token_lifespan: '60' },
  { scopes: ['a b'] },
  { scopes: 'a:read' },
  { scopes: Array.from({ length: 201 }, (_, n) => `s${n}`) },
  { audience: ['no uri'] },
  { audience: ['https://a.example/#x'] },
])('%j is no limit', async (limits) => {
  const name = `client ${randomUUID()}`;
  await expect(zone.admin('POST', '/clients', { name, ...limits })).rejects.toThrow(
    /invalid_request/,
  );
});
