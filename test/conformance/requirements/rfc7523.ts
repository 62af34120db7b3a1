import type { Entry } from './requirement.js';

const GRANT = 'JWT as authorization grant';

/** RFC 7523, JWTs for client authentication and as authorization grant, with RFC 7521, and their update by RFC 10070. */
export const RFC7523 = [
  {
    id: 'rfc7521-4.2-client-id',
    level: 'MUST',
    needs: ['assertion_client'],
    text: 'client_id, if it is there, identifies the same client as the assertion',
  },
  {
    id: 'rfc7523-2.1-grant',
    level: 'MUST',
    needs: ['trusted_issuer'],
    grant: GRANT,
    text: 'as authorization grant, a valid JWT of a trusted issuer is taken',
  },
  {
    id: 'rfc7523-2.2-assertion',
    level: 'MUST',
    needs: ['assertion_client'],
    text: 'a client can authenticate by a JWT',
  },
  {
    id: 'rfc7523-2.2-assertion-type',
    level: 'MUST',
    needs: ['assertion_client'],
    text: 'client_assertion_type is urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
  },
  {
    id: 'rfc7523-3-issuer',
    level: 'MUST',
    needs: ['assertion_client'],
    text: 'the JWT has iss, which is its issuer (for client authentication the client)',
  },
  {
    id: 'rfc7523-3-subject',
    level: 'MUST',
    needs: ['assertion_client'],
    text: 'the JWT has sub, which is the client_id for client authentication',
  },
  {
    id: 'rfc7523-3-audience',
    level: 'MUST',
    needs: ['assertion_client'],
    text: 'the JWT has aud; one that does not name the server is refused',
  },
  {
    id: 'rfc7523-3-expiry',
    level: 'MUST',
    needs: ['assertion_client'],
    text: 'the JWT has exp',
  },
  {
    id: 'rfc7523-3-expired',
    level: 'MUST',
    needs: ['assertion_client'],
    text: 'a JWT whose exp has passed is refused',
  },
  {
    id: 'rfc7523-3-not-before',
    level: 'MUST',
    needs: ['assertion_client'],
    text: 'a JWT is refused before its nbf',
  },
  {
    id: 'rfc7523-3-signature',
    level: 'MUST',
    needs: ['assertion_client'],
    text: 'a JWT with an invalid signature is refused',
  },
  {
    id: 'rfc7523-3-signed',
    level: 'MUST',
    needs: ['assertion_client'],
    text: 'a JWT without a signature (alg none) is refused',
  },
  {
    id: 'rfc7523-3-replay',
    level: 'MAY',
    needs: ['assertion_client'],
    text: 'a jti that was used is not used again',
  },
  {
    id: 'rfc7523-3-grant-subject',
    level: 'MUST',
    needs: ['trusted_issuer'],
    grant: GRANT,
    text: 'as authorization grant, a JWT without sub is refused',
  },
  {
    id: 'rfc7523-3-grant-audience',
    level: 'MUST',
    needs: ['trusted_issuer'],
    grant: GRANT,
    text: 'as authorization grant, a JWT that does not name the server in aud is refused',
  },
  {
    id: 'rfc7523-3-grant-expired',
    level: 'MUST',
    needs: ['trusted_issuer'],
    grant: GRANT,
    text: 'as authorization grant, a JWT whose exp has passed is refused',
  },
  {
    id: 'rfc7523-3-grant-signature',
    level: 'MUST',
    needs: ['trusted_issuer'],
    grant: GRANT,
    text: 'as authorization grant, a JWT with an invalid signature is refused',
  },
  {
    id: 'rfc7523-3.1-invalid-grant',
    level: 'MUST',
    grant: GRANT,
    text: 'an invalid JWT as authorization grant is invalid_grant',
  },
  {
    id: 'rfc7523-3.2-invalid-client',
    level: 'MUST',
    needs: ['assertion_client'],
    text: 'an invalid JWT for client authentication is invalid_client',
  },
  {
    id: 'rfc7523-5-rs256',
    level: 'MUST',
    needs: ['assertion_client'],
    text: 'RS256 is implemented',
  },
  {
    id: 'rfc10070-4-issuer',
    level: 'MUST',
    needs: ['assertion_client'],
    text: 'for client authentication, the issuer identifier is taken as aud',
  },
  {
    id: 'rfc10070-4-not-token-endpoint',
    level: 'MUST',
    needs: ['assertion_client'],
    text: 'for client authentication, the token endpoint is not taken as aud',
  },
  {
    id: 'rfc10070-4-sole-audience',
    level: 'MUST',
    needs: ['assertion_client'],
    text: 'for client authentication, the issuer identifier is the only value of aud',
  },
  {
    id: 'rfc10070-4-typ',
    level: 'SHOULD',
    needs: ['assertion_client'],
    text: 'a JWT of typ client-authentication+jwt is taken',
  },
] as const satisfies readonly Entry[];
