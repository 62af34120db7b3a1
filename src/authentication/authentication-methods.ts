import { SIGNING_ALGS } from '../oauth/algorithms.js';
import { FEDERATED_IDENTITY } from './federated-clients.service.js';

/** Ways to authenticate with a shared secret (RFC 6749 2.3.1). */
export const SECRET_METHODS = ['client_secret_basic', 'client_secret_post'] as const;

/** The ways that have a registered name (RFC 7591 2, OpenID Connect Core 9), which metadata has. */
export const REGISTERED_METHODS = [...SECRET_METHODS, 'private_key_jwt'] as const;

/**
 * How clients may authenticate. `workload_identity` is ours: an assertion of the issuer of the client's identity
 * (RFC 7523 2.2); and so is `federated_identity`: such a token is the subject token, and there is nothing else.
 */
export const AUTH_METHODS = [
  ...REGISTERED_METHODS,
  'workload_identity',
  FEDERATED_IDENTITY,
] as const;

/**
 * What metadata says of an endpoint that clients authenticate at (RFC 8414 2).
 *
 * @param endpoint such as `token_endpoint`
 */
export function authenticationMembers(
  endpoint: `${string}_endpoint`,
): Readonly<Record<string, readonly string[]>> {
  return {
    [`${endpoint}_auth_methods_supported`]: REGISTERED_METHODS,
    [`${endpoint}_auth_signing_alg_values_supported`]: SIGNING_ALGS,
  };
}
