import { createHash, createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { digestSecret, generateSecret } from '../zones/clients/secret.js';
import { ClientAuthentication } from './client-authentication.service.js';
import type { ClientRequest } from './client-request.js';
import { SecretVerifier } from './secret-verifier.js';

const ZONE = '0190a000-0000-7000-8000-000000000001';
const CLIENT = '0190a000-0000-7000-8000-000000000002';
const DIGEST_KEY = Buffer.alloc(32, 7);
const SECRET = generateSecret();
const clock = { now: () => 1_800_000_000_000 };

const GATEWAY_KEY = Buffer.alloc(32, 9);

interface Knobs {
  /** Requests that may be made. */
  readonly limit?: number;
  /** Whether the client is disabled once it is read anew. */
  readonly disabledSince?: boolean;
}

/** The real composition over one zone in memory. */
function clients({ limit = 2, disabledSince = false }: Knobs = {}): ClientAuthentication {
  let version = '1';

  const client = {
    id: CLIENT,
    authMethods: ['client_secret_post', 'client_secret_basic'],
    disabled: false,
    secrets: [
      { kind: 'digest', verifier: digestSecret(DIGEST_KEY, CLIENT, SECRET), expiresAt: null },
    ],
  };
  const claimed = () => ({
    zone: { zoneId: ZONE, version: '1', digestKey: DIGEST_KEY },
    client: { ...client, disabled: version === '2' },
    clients: { seen: [{ id: CLIENT, version }] },
  });
  const current = disabledSince ? '2' : '1';
  const snapshots = {
    findByClient: async (id: string) => (id === CLIENT ? claimed() : null),
    isCurrent: async ({ clients: [seen] = [] }: { clients?: { version: string }[] }) =>
      seen === undefined || seen.version === current,
    forget: async () => (version = current),
  };
  const spent = new Set<string>();
  const ledger = {
    spend: async (_zoneId: string, { nonce }: { nonce: string }) =>
      !spent.has(nonce) && spent.add(nonce).size > 0,
  };
  let counted = 0;
  const limits = { count: async () => ((counted += 1) > limit ? 3 : null) };
  const unused = {};
  return new ClientAuthentication(
    snapshots as never,
    new SecretVerifier(clock),
    unused as never,
    unused as never,
    limits as never,
    ledger as never,
    { gatewayHmacKeys: [GATEWAY_KEY] } as never,
    clock,
  );
}

const request: ClientRequest = {
  requestId: { request_id: 'r' },
  source: '192.0.2.1',
  trace: null,
  hasQuery: false,
  authorization: [],
  gateway: null,
  zoneInPath: null,
  method: 'POST',
  path: '/any/endpoint',
  body: new Uint8Array(),
  inFlight: { expectAnswer: () => {}, countFor: () => {}, noteClaim: () => {} },
};

function ask(authentication: ClientAuthentication, parameters: Record<string, string>) {
  const body = new TextEncoder().encode(new URLSearchParams(parameters).toString());
  return authentication.authenticate({ ...request, body });
}

const right = { client_id: CLIENT, client_secret: SECRET };

describe('an endpoint of its own', () => {
  test('gets the client that the credentials prove, with its zone', async () => {
    const caller = await ask(clients(), right);
    expect(caller).toMatchObject({
      zone: { zoneId: ZONE },
      client: { id: CLIENT },
      throughGateway: false,
    });
  });

  test.each([
    ['a wrong secret', { ...right, client_secret: generateSecret() }, 'wrong secret'],
    ['another zone', { ...right, zone_id: CLIENT }, 'client of another zone'],
    ['an unknown client', { ...right, client_id: ZONE }, 'unknown client'],
    ['no credentials', { client_id: CLIENT }, 'no client credentials'],
  ])('refuses %s as invalid_client', async (_name, parameters, detail) => {
    await expect(ask(clients(), parameters)).rejects.toMatchObject({
      code: 'invalid_client',
      message: 'client authentication failed',
      detail,
    });
  });

  test.each([
    ['a malformed form', { body: new TextEncoder().encode('a=%zz') }],
    ['parameters in the URL', { hasQuery: true }],
    ['a repeated parameter', { body: new TextEncoder().encode('client_id=a&client_id=b') }],
  ])('refuses %s as invalid_request', async (_name, changes) => {
    await expect(clients().authenticate({ ...request, ...changes })).rejects.toMatchObject({
      code: 'invalid_request',
    });
  });

  test('is refused a client that was disabled since it was read', async () => {
    await expect(ask(clients({ disabledSince: true }), right)).rejects.toMatchObject({
      code: 'invalid_client',
      detail: 'client is disabled',
    });
  });

  test('accepts the signature of a gateway once', async () => {
    const authentication = clients();
    const text = `client_id=${CLIENT}`;
    const body = new TextEncoder().encode(text);
    const digest = createHash('sha256').update(body).digest('hex');
    const timestamp = String(clock.now() / 1_000);
    const signature = createHmac('sha256', GATEWAY_KEY)
      .update(`${timestamp}\nreq-1\nPOST\n/any/endpoint\n${digest}`)
      .digest('hex');
    const gateway = { timestamp, request: 'req-1', signature, requestId: 'req-1' };
    const through = () => authentication.authenticate({ ...request, body, gateway });
    expect(await through()).toMatchObject({ client: { id: CLIENT }, throughGateway: true });
    await expect(through()).rejects.toMatchObject({
      code: 'invalid_client',
      detail: 'gateway_request was used before',
    });
  });

  test('counts requests of clients that have proved themselves, and no others', async () => {
    const authentication = clients({ limit: 1 });
    await ask(authentication, { ...right, client_secret: generateSecret() }).catch(() => {});
    await ask(authentication, right);
    await expect(ask(authentication, right)).rejects.toMatchObject({
      code: 'slow_down',
      retryAfter: 3,
    });
  });
});

test('a request that is evaluated again is counted once', async () => {
  const authentication = clients({ limit: 1 });
  const caller = await ask(clients(), right);
  const count = authentication.countOnce();
  await count(caller);
  await count(caller);
  await expect(authentication.countOnce()(caller)).rejects.toMatchObject({ code: 'slow_down' });
});
