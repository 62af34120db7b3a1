import { randomUUID } from 'node:crypto';
import { exportJWK, generateKeyPair } from 'jose';
import type { Client, Configuration } from '../conformance/configuration.js';
import { CLIENT_CREDENTIALS, tokenType } from '../conformance/vocabulary.js';
import type { Replica } from '../setup/harness.js';
import { newService, type Service, type TestClient } from '../setup/services.js';
import { createTestZone } from '../setup/zone.js';

const SCOPE = 'read write';

/** Requirements that this server does not meet, and why. */
const EXPECTED_FAILURES = {
  'rfc8693-2.1-subject-token':
    'Without a subject token the client exchanges its own authority, as with client_credentials',
  'rfc8693-2.1-actor-token-type':
    "An actor_token without actor_token_type is an access token, since Caracal's SDKs send none",
};

/**
 * Makes a zone that has something for every check, and says what there is: its issuer, by which all else is found.
 *
 * @param replica whose `ISSUER_URL` is where it is
 */
export async function configureOwnServer(replica: Replica): Promise<Configuration> {
  const zone = await createTestZone(replica);
  const orders = await newService(zone, 'resource://orders', SCOPE.split(' '));
  const stock = await newService(zone, 'resource://stock', SCOPE.split(' '));
  const agent = await zone.newClient();
  const robotKey = await newKey('RS256');
  const robot = await zone.newClient({ jwks: { keys: [robotKey.publicJwk] } });
  const issuerKey = await newKey('ES256');
  const trusted = {
    issuer: `https://idp-${randomUUID()}.example`,
    audience: 'https://sts.example',
  };
  await zone.admin('POST', '/issuers', {
    issuer: trusted.issuer,
    jwks: { keys: [issuerKey.publicJwk] },
    audiences: [trusted.audience],
    token_types: ['jwt'],
  });
  const session = {
    grant_type: CLIENT_CREDENTIALS,
    resource: [orders.resource, stock.resource],
    scope: SCOPE,
  };
  return {
    base: zone.issuer,
    client: clientOf(zone),
    assertion_client: { client_id: robot.clientId, private_key: robotKey.privateJwk },
    subject_token: { parameters: session },
    actor_token: { client: clientOf(agent), parameters: session },
    downstream: {
      client: clientOf(orders),
      parameters: { resource: stock.resource, scope: 'read' },
    },
    trusted_issuer: {
      ...trusted,
      private_key: issuerKey.privateJwk,
      subject: 'alice',
      subject_token_type: tokenType('jwt'),
      // A name without issuer would be one of the trusted issuer.
      may_act: { iss: zone.issuer, sub: zone.clientId },
    },
    resource: orders.resource,
    other_resource: stock.resource,
    audience: orders.resource,
    scope: SCOPE,
    expected_failures: EXPECTED_FAILURES,
  };
}

function clientOf({ clientId, secret }: TestClient | Service): Client {
  return { client_id: clientId, client_secret: secret };
}

async function newKey(alg: string) {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  const said = { alg, kid: randomUUID() };
  return {
    privateJwk: { ...(await exportJWK(privateKey)), ...said },
    publicJwk: { ...(await exportJWK(publicKey)), ...said },
  };
}
