import type { Entry } from './requirement.js';

/** RFC 9068, JWT Profile for OAuth 2.0 Access Tokens: of servers whose access tokens are JWTs. */
export const RFC9068 = [
  { id: 'rfc9068-2.1-signed', level: 'MUST', text: 'an access token is signed: alg is not none' },
  { id: 'rfc9068-2.1-typ', level: 'MUST', text: 'typ is at+jwt or application/at+jwt' },
  {
    id: 'rfc9068-2.1-typ-short',
    level: 'SHOULD',
    text: 'the prefix application/ of typ is omitted',
  },
  { id: 'rfc9068-2.2-iss', level: 'MUST', text: 'iss is required' },
  { id: 'rfc9068-2.2-exp', level: 'MUST', text: 'exp is required' },
  { id: 'rfc9068-2.2-aud', level: 'MUST', text: 'aud is required' },
  { id: 'rfc9068-2.2-sub', level: 'MUST', text: 'sub is required' },
  { id: 'rfc9068-2.2-client-id', level: 'MUST', text: 'client_id is required' },
  { id: 'rfc9068-2.2-iat', level: 'MUST', text: 'iat is required' },
  {
    id: 'rfc9068-2.2-jti',
    level: 'MUST',
    text: 'jti is required, and is another one for each token',
  },
  {
    id: 'rfc9068-2.2-sub-is-client',
    level: 'SHOULD',
    text: 'without a resource owner, sub is the client',
  },
  {
    id: 'rfc9068-2.2.1-authentication',
    level: 'MUST',
    text: 'auth_time, acr and amr are what OpenID Connect Core 2 says: number, string, strings',
  },
  {
    id: 'rfc9068-2.2.3-scope',
    level: 'SHOULD',
    needs: ['scope'],
    text: 'if scope was requested, the token has the claim scope',
  },
  {
    id: 'rfc9068-3-resource',
    level: 'SHOULD',
    needs: ['resource'],
    text: 'aud has the same value as resource in the request',
  },
  {
    id: 'rfc9068-3-default-resource',
    level: 'MUST',
    text: 'without resource in the request, aud is a default resource indicator',
  },
  {
    id: 'rfc9068-4-issuer',
    level: 'MUST',
    text: 'iss is exactly the issuer identifier of the server',
  },
  {
    id: 'rfc9068-4-keys',
    level: 'SHOULD',
    text: 'the signature can be verified with a key of jwks_uri',
  },
] as const satisfies readonly Entry[];
