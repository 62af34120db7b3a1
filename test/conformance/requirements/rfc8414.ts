import type { Entry } from './requirement.js';

/** RFC 8414, OAuth 2.0 Authorization Server Metadata: what is needed to find the endpoints and use them. */
export const RFC8414 = [
  {
    id: 'rfc8414-2-issuer',
    level: 'MUST',
    text: 'issuer is an https URL without query and fragment',
  },
  { id: 'rfc8414-2-token-endpoint', level: 'MUST', text: 'token_endpoint is a URL' },
  { id: 'rfc8414-2-response-types', level: 'MUST', text: 'response_types_supported is required' },
  {
    id: 'rfc8414-2-grant-types',
    level: 'SHOULD',
    needs: ['subject_token'],
    text: 'grant_types_supported has the token exchange of a server that takes it',
  },
  {
    id: 'rfc8414-2-auth-methods',
    level: 'SHOULD',
    text: 'token_endpoint_auth_methods_supported has the method that a client authenticates by',
  },
  {
    id: 'rfc8414-2-signing-algs',
    level: 'MUST',
    text: 'with private_key_jwt, there is token_endpoint_auth_signing_alg_values_supported',
  },
  { id: 'rfc8414-2-alg-none', level: 'MUST', text: 'none is not among those algorithms' },
  {
    id: 'rfc8414-2-jwks',
    level: 'MUST',
    text: 'jwks_uri is an https URL that leads to a JWK Set of public keys',
  },
  {
    id: 'rfc8414-3-well-known',
    level: 'MUST',
    text: 'the document is at a well-known path of the issuer (5: or where OpenID Connect has it)',
  },
  {
    id: 'rfc8414-3.2-media-type',
    level: 'MUST',
    text: 'the document is answered with status 200 as application/json',
  },
  {
    id: 'rfc8414-3.2-no-empty-lists',
    level: 'MUST',
    text: 'claims with zero elements are omitted',
  },
  {
    id: 'rfc8414-3.3-issuer',
    level: 'MUST',
    text: 'issuer is identical to the identifier that the document was asked for by',
  },
] as const satisfies readonly Entry[];
