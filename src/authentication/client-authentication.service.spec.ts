import { describe, expect, test } from 'vitest';
import { parseForm } from '../oauth/form.js';
import { digestSecret, generateSecret } from '../zones/clients/secret.js';
import { ClientAuthentication } from './client-authentication.service.js';
import type { CredentialedRequest } from './credentials.js';
import { SecretVerifier } from './secret-verifier.js';

const ZONE = '0190a000-0000-7000-8000-000000000001';
const CLIENT = '0190a000-0000-7000-8000-000000000002';
const DIGEST_KEY = Buffer.alloc(32, 7);
const SECRET = generateSecret();
const clock = { now: () => 1_800_000_000_000 };

/** The real composition over one zone in memory, and a limit of two requests. */
function clients(limit = 2): ClientAuthentication {
  const client = {
    id: CLIENT,
    authMethods: ['client_secret_post', 'client_secret_basic'],
    disabled: false,
    secrets: [
      { kind: 'digest', verifier: digestSecret(DIGEST_KEY, CLIENT, SECRET), expiresAt: null },
    ],
  };
  const zone = { zoneId: ZONE, digestKey: DIGEST_KEY, clients: new Map([[CLIENT, client]]) };
  const snapshots = { findByClient: async (id: string) => (id === CLIENT ? zone : null) };
  let counted = 0;
  const limits = { count: async () => ((counted += 1) > limit ? 3 : null) };
  const unused = {};
  return new ClientAuthentication(
    snapshots as never,
    new SecretVerifier(clock),
    unused as never,
    limits as never,
    { gatewayHmacKey: undefined } as never,
    clock,
  );
}

const request: CredentialedRequest = {
  authorization: [],
  gateway: null,
  method: 'POST',
  path: '/any/endpoint',
  body: new Uint8Array(),
};

function ask(authentication: ClientAuthentication, parameters: Record<string, string>) {
  const body = new TextEncoder().encode(new URLSearchParams(parameters).toString());
  return authentication.authenticate(request, '192.0.2.1', parseForm(body, new Set()));
}

const right = { client_id: CLIENT, client_secret: SECRET };

describe('an endpoint of its own', () => {
  test('gets the client that the credentials prove, with its zone', async () => {
    const caller = await ask(clients(), right);
    expect(caller).toMatchObject({
      zone: { zoneId: ZONE },
      client: { id: CLIENT },
      throughGateway: false,
      once: null,
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

  test('counts requests of clients that have proved themselves, and no others', async () => {
    const authentication = clients(1);
    await ask(authentication, { ...right, client_secret: generateSecret() }).catch(() => {});
    await ask(authentication, right);
    await expect(ask(authentication, right)).rejects.toMatchObject({
      code: 'slow_down',
      retryAfter: 3,
    });
  });
});

test('a request that is evaluated again is counted once', async () => {
  const authentication = clients(1);
  const caller = await ask(clients(), right);
  const count = authentication.countOnce();
  await count(caller);
  await count(caller);
  await expect(authentication.countOnce()(caller)).rejects.toMatchObject({ code: 'slow_down' });
});
