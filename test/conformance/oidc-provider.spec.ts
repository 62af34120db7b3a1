import { createServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { exportJWK, generateKeyPair } from 'jose';
import { errors, Provider } from 'oidc-provider';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Configuration } from './configuration.js';
import { runCommand } from './run-command.js';
import { openServer, tryAll, type Outcome, type Result } from './run.js';
import { CLIENT_CREDENTIALS } from './vocabulary.js';

const RESOURCE = 'https://orders.example/';
const OTHER_RESOURCE = 'https://stock.example/';

let http: HttpServer;
let issuer: string;
let results: readonly Result[];

beforeAll(async () => {
  http = createServer().listen(0, '127.0.0.1');
  await once(http, 'listening');
  issuer = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  const robotKey = await newKey('RS256');
  const provider = new Provider(issuer, await settings(robotKey.publicJwk));
  const handle = provider.callback();
  http.on('request', (request, response) => void handle(request, response));
  const target = { resource: RESOURCE, scope: 'read write' };
  const configuration: Configuration = {
    base: issuer,
    client: { client_id: 'web', client_secret: 'secret-of-web' },
    assertion_client: { client_id: 'robot', private_key: robotKey.privateJwk },
    subject_token: { parameters: { grant_type: CLIENT_CREDENTIALS, ...target } },
    ...target,
    other_resource: OTHER_RESOURCE,
  };
  results = await tryAll(await openServer(configuration));
});

afterAll(() => http.close());

/** A server for client credentials, with resource indicators and JWTs as access tokens. */
async function settings(robotKey: object): Promise<Record<string, unknown>> {
  const { privateJwk } = await newKey('ES256');
  const client = {
    redirect_uris: [],
    response_types: [],
    grant_types: ['client_credentials'],
    id_token_signed_response_alg: 'ES256',
  };
  return {
    jwks: { keys: [{ ...privateJwk, use: 'sig' }] },
    clients: [
      {
        ...client,
        client_id: 'web',
        client_secret: 'secret-of-web',
        token_endpoint_auth_method: 'client_secret_basic',
      },
      {
        ...client,
        client_id: 'robot',
        token_endpoint_auth_method: 'private_key_jwt',
        jwks: { keys: [robotKey] },
      },
    ],
    scopes: ['read', 'write'],
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_context: unknown, audience: string) => {
          if (audience !== RESOURCE && audience !== OTHER_RESOURCE)
            throw new errors.InvalidTarget();
          return {
            audience,
            scope: 'read write',
            accessTokenFormat: 'jwt',
            accessTokenTTL: 600,
            jwt: { sign: { alg: 'ES256' } },
          };
        },
      },
    },
  };
}

async function newKey(alg: string) {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  const said = { alg, kid: alg };
  return {
    privateJwk: { ...(await exportJWK(privateKey)), ...said },
    publicJwk: { ...(await exportJWK(publicKey)), ...said },
  };
}

const idsOf = (outcome: Outcome) =>
  results.filter((result) => result.outcome === outcome).map(({ requirement }) => requirement.id);

test('oidc-provider meets what it does, but for what docs/conformance.md says', () => {
  expect(idsOf('failed')).toEqual([
    'rfc10070-4-not-token-endpoint',
    'rfc10070-4-sole-audience',
    'rfc6749-5.1-pragma',
  ]);
  expect(idsOf('warned')).toEqual([]);
  expect(idsOf('skipped')).toEqual([]);
  expect(idsOf('passed')).toHaveLength(77);
});

test('it knows no token exchange, so that all of RFC 8693 is not applicable', () => {
  const outcomes = results
    .filter(({ requirement }) => requirement.rfc === 8693)
    .map(({ outcome }) => outcome);
  expect(new Set(outcomes)).toEqual(new Set(['not_applicable']));
});

test('the command finds it by BASE, and is told of its client by variables', async () => {
  const run = await runCommand({
    BASE: issuer,
    CLIENT_ID: 'web',
    CLIENT_SECRET: 'secret-of-web',
    RESOURCE,
    SCOPE: 'read write',
  });
  expect({ code: run.code, failed: run.idsOf('failed') }).toEqual({
    code: 1,
    failed: ['rfc6749-5.1-pragma'],
  });
  expect(run.idsOf('skipped')).toContain('rfc7523-2.2-assertion');
  expect(run.summary['passed']).toBeGreaterThan(50);
});
