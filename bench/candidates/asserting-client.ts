import { generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { tokenOf } from '../../test/setup/agents.js';
import type { Parameters, TestZone } from '../../test/setup/zone.js';

/** A client that authenticates by assertions (RFC 7523 2.2). */
export interface AssertingClient {
  /** A session mandate of its own. */
  readonly subject: string;
  /** Parameters that authenticate it, once. */
  assertion(): Parameters;
}

const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const LIFETIME_SECONDS = 60;

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/**
 * Registers such a client, with an ES256 key.
 *
 * @param parameters of its session mandate
 */
export async function assertingClient(
  zone: TestZone,
  parameters: Parameters,
): Promise<AssertingClient> {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const key = { key: privateKey, dsaEncoding: 'ieee-p1363' } as const;
  const kid = randomUUID();
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid, alg: 'ES256', use: 'sig' };
  const { clientId } = await zone.newClient({ jwks: { keys: [jwk] } });
  const header = part({ alg: 'ES256', kid, typ: 'JWT' });
  const assertion = (): Parameters => {
    const iat = Math.floor(Date.now() / 1_000);
    const times = { iat, exp: iat + LIFETIME_SECONDS, jti: randomUUID() };
    const who = { iss: clientId, sub: clientId, aud: zone.issuer };
    const text = `${header}.${part({ ...who, ...times })}`;
    const signature = sign('sha256', Buffer.from(text), key).toString('base64url');
    return { client_assertion_type: JWT_BEARER, client_assertion: `${text}.${signature}` };
  };
  const answer = await zone.session({
    client_id: undefined,
    client_secret: undefined,
    ...parameters,
    ...assertion(),
  });
  return { subject: tokenOf(answer), assertion };
}
