import type { Entry } from './requirement.js';

/** RFC 6749, The OAuth 2.0 Authorization Framework: section 5, and what the token endpoint needs of 2 and 3. */
export const RFC6749 = [
  {
    id: 'rfc6749-2.3-one-method',
    level: 'MUST',
    needs: ['client_secret'],
    text: 'a request that authenticates its client in two ways is refused (5.2: invalid_request)',
  },
  {
    id: 'rfc6749-2.3.1-basic',
    level: 'MUST',
    needs: ['client_secret'],
    text: 'a client that has a password can authenticate by HTTP Basic',
  },
  {
    id: 'rfc6749-2.3.1-basic-encoding',
    level: 'MUST',
    needs: ['client_secret'],
    text: 'client identifier and password in HTTP Basic are form-encoded, so they are decoded',
  },
  {
    id: 'rfc6749-2.3.1-not-in-uri',
    level: 'MUST',
    needs: ['client_secret'],
    text: 'credentials are not taken from the request URI',
  },
  {
    id: 'rfc6749-3.2-no-fragment',
    level: 'MUST',
    text: 'the URI of the token endpoint has no fragment',
  },
  { id: 'rfc6749-3.2-tls', level: 'MUST', text: 'the token endpoint is reached over TLS' },
  { id: 'rfc6749-3.2-post', level: 'MUST', text: 'tokens are issued for POST, not for GET' },
  {
    id: 'rfc6749-3.2-empty-is-omitted',
    level: 'MUST',
    text: 'a parameter without a value is treated as if it were omitted',
  },
  {
    id: 'rfc6749-3.2-unknown-ignored',
    level: 'MUST',
    text: 'unrecognized request parameters are ignored',
  },
  {
    id: 'rfc6749-3.2-no-repetition',
    level: 'MUST',
    text: 'a parameter is not included more than once: such a request is refused',
  },
  {
    id: 'rfc6749-3.2.1-authenticate',
    level: 'MUST',
    text: 'a client that has credentials gets nothing without them',
  },
  {
    id: 'rfc6749-3.3-order',
    level: 'MUST',
    needs: ['scope'],
    text: 'the order of the values of scope does not matter',
  },
  {
    id: 'rfc6749-3.3-scope-differs',
    level: 'MUST',
    needs: ['scope'],
    text: 'if less scope is issued than was requested, the response has scope',
  },
  { id: 'rfc6749-5.1-status', level: 'MUST', text: 'a successful response has status 200' },
  { id: 'rfc6749-5.1-access-token', level: 'MUST', text: 'a successful response has access_token' },
  { id: 'rfc6749-5.1-token-type', level: 'MUST', text: 'a successful response has token_type' },
  { id: 'rfc6749-5.1-expires-in', level: 'SHOULD', text: 'a successful response has expires_in' },
  {
    id: 'rfc6749-5.1-media-type',
    level: 'MUST',
    text: 'a successful response is application/json, with the parameters at the top level',
  },
  {
    id: 'rfc6749-5.1-json-values',
    level: 'MUST',
    text: 'strings are JSON strings, and numbers are JSON numbers',
  },
  {
    id: 'rfc6749-5.1-no-store',
    level: 'MUST',
    text: 'a response with a token has Cache-Control: no-store',
  },
  {
    id: 'rfc6749-5.1-pragma',
    level: 'MUST',
    text: 'a response with a token has Pragma: no-cache',
  },
  {
    id: 'rfc6749-5.2-status',
    level: 'MUST',
    text: 'an error response has status 400; 401 may be that of invalid_client',
  },
  {
    id: 'rfc6749-5.2-media-type',
    level: 'MUST',
    text: 'an error response is application/json, with the parameters at the top level',
  },
  {
    id: 'rfc6749-5.2-error',
    level: 'MUST',
    text: 'an error response has error, one code of the characters %x20-21 / %x23-5B / %x5D-7E',
  },
  {
    id: 'rfc6749-5.2-error-description',
    level: 'MUST',
    text: 'error_description has no other characters than %x20-21 / %x23-5B / %x5D-7E',
  },
  { id: 'rfc6749-5.2-error-uri', level: 'MUST', text: 'error_uri is a URI reference' },
  {
    id: 'rfc6749-5.2-missing-parameter',
    level: 'MUST',
    text: 'a required parameter that is missing is invalid_request',
  },
  {
    id: 'rfc6749-5.2-repeated-parameter',
    level: 'MUST',
    text: 'a repeated parameter is invalid_request',
  },
  {
    id: 'rfc6749-5.2-invalid-client',
    level: 'MUST',
    text: 'failed client authentication is invalid_client',
  },
  {
    id: 'rfc6749-5.2-basic-401',
    level: 'MUST',
    needs: ['client_secret'],
    text: 'a client that failed to authenticate by the Authorization header is answered 401',
  },
  {
    id: 'rfc6749-5.2-www-authenticate',
    level: 'MUST',
    needs: ['client_secret'],
    text: 'that answer has WWW-Authenticate with the scheme that the client used',
  },
  {
    id: 'rfc6749-5.2-unsupported-grant-type',
    level: 'MUST',
    text: 'a grant type that is not supported is unsupported_grant_type',
  },
  {
    id: 'rfc6749-5.2-invalid-scope',
    level: 'MUST',
    needs: ['scope'],
    text: 'a scope that is refused as unknown or malformed is invalid_scope',
  },
] as const satisfies readonly Entry[];
