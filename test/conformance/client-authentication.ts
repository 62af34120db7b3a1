import { randomUUID } from 'node:crypto';
import { importJWK, SignJWT, type JWK, type JWTHeaderParameters } from 'jose';
import type { Client } from './configuration.js';

/** The `client_assertion_type` of a JWT (RFC 7523 2.2). */
export const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

/** How a client says who it is: headers, and parameters of the body. */
export interface Credentials {
  readonly headers: Readonly<Record<string, string>>;
  readonly parameters: Readonly<Record<string, string>>;
}

/** How a client authenticates, if it does not say so. */
export function methodOf({ authentication, client_secret, private_key }: Client) {
  if (authentication !== undefined) return authentication;
  if (client_secret !== undefined) return 'client_secret_basic';
  return private_key === undefined ? 'none' : 'private_key_jwt';
}

/**
 * The credentials of a client for one request.
 *
 * @param issuer the audience of an assertion, unless the client has another
 */
export async function credentialsOf(client: Client, issuer: string): Promise<Credentials> {
  const { client_id, client_secret = '', private_key } = client;
  switch (methodOf(client)) {
    case 'client_secret_basic':
      return { headers: { authorization: basic(client_id, client_secret) }, parameters: {} };
    case 'client_secret_post':
      return { headers: {}, parameters: { client_id, client_secret } };
    case 'private_key_jwt': {
      if (private_key === undefined) throw new Error(`client ${client_id} has no private_key`);
      const audience = client.assertion_audience ?? issuer;
      const assertion = await signJwt(private_key, assertionClaims(client_id, audience));
      return {
        headers: {},
        parameters: { client_id, client_assertion_type: JWT_BEARER, client_assertion: assertion },
      };
    }
    default:
      return { headers: {}, parameters: { client_id } };
  }
}

/**
 * The value of an `Authorization` header (RFC 6749 2.3.1).
 *
 * @param encode how identifier and secret are encoded; by default as a form encodes them
 */
export function basic(id: string, secret: string, encode = formEncode): string {
  return `Basic ${Buffer.from(`${encode(id)}:${encode(secret)}`).toString('base64')}`;
}

/** A text as `application/x-www-form-urlencoded` (RFC 6749 appendix B). */
export function formEncode(text: string): string {
  return new URLSearchParams({ '': text }).toString().slice(1);
}

/** The claims of an assertion that a server has to take (RFC 7523 3). */
export function assertionClaims(clientId: string, audience: string): Record<string, unknown> {
  const now = Math.floor(Date.now() / 1_000);
  return {
    iss: clientId,
    sub: clientId,
    aud: audience,
    iat: now,
    exp: now + 120,
    jti: randomUUID(),
  };
}

/** Signs claims with a private JWK, as its `alg`. Claims that are `undefined` are left out. */
export async function signJwt(
  jwk: JWK,
  claims: Readonly<Record<string, unknown>>,
  header: Partial<JWTHeaderParameters> = {},
): Promise<string> {
  const alg = jwk.alg ?? 'ES256';
  return new SignJWT({ ...claims })
    .setProtectedHeader({
      alg,
      typ: 'JWT',
      ...(jwk.kid === undefined ? {} : { kid: jwk.kid }),
      ...header,
    })
    .sign(await importJWK(jwk, alg));
}
