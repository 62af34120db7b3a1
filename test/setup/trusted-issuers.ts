import { randomUUID } from 'node:crypto';
import { foreignForger, newKey } from './tokens/foreign-tokens.js';
import { postForm, TOKEN_EXCHANGE, type Answer, type Parameters, type TestZone } from './zone.js';

const AUDIENCE = 'https://mandate.example';

/** An issuer that a zone trusts. */
export interface TestIssuer {
  readonly id: string;
  readonly issuer: string;
  /**
   * Lets the zone's client ask for mandates with a token of a user.
   *
   * @param authentication claims about how the user was authenticated
   */
  user(
    sub: string,
    authentication?: Record<string, unknown>,
  ): Promise<(parameters?: Parameters) => Promise<Answer>>;
}

/** Registers an issuer whose tokens say who users are. */
export async function newTrustedIssuer(
  zone: TestZone,
  issuer = `https://idp-${randomUUID()}.example`,
): Promise<TestIssuer> {
  const key = await newKey('ES256', 'idp');
  const { id } = await zone.admin('POST', '/issuers', {
    issuer,
    jwks: { keys: [key.publicJwk] },
    audiences: [AUDIENCE],
    token_types: ['jwt'],
  });
  const user: TestIssuer['user'] = async (sub, authentication = {}) => {
    const now = Math.floor(Date.now() / 1_000);
    const claims = { iss: issuer, sub, aud: AUDIENCE, iat: now, exp: now + 600 };
    const text = await foreignForger('ES256', key, key, claims).sign({}, authentication);
    return (parameters = {}) =>
      postForm(zone.replica.url, {
        grant_type: TOKEN_EXCHANGE,
        client_id: zone.clientId,
        client_secret: zone.secret,
        subject_token: text,
        subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
        resource: zone.resource,
        scope: 'a:read',
        ...parameters,
      });
  };
  return { id: String(id), issuer, user };
}
