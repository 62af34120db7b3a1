import { OAuthError } from '../../oauth/errors.js';
import { single, type Form } from '../../oauth/form.js';

/** What is to end beside the mandate itself, from the least to the most. */
export const CASCADES = ['token', 'session', 'root'] as const;

/** See {@link CASCADES}. */
export type Cascade = (typeof CASCADES)[number];

/** A request to revoke a token (RFC 7009 2.1). */
export interface RevocationRequest {
  readonly token: string;
  readonly cascade: Cascade;
}

/**
 * Reads what a client asks to be revoked. A `token_type_hint` says where to look first, and there is one place to look:
 * any hint is taken, as RFC 7009 2.1 wants, and nothing is made of it.
 *
 * @throws {OAuthError} invalid_request
 */
export function readRevocation(form: Form): RevocationRequest {
  const token = single(form, 'token');
  if (token === null) throw new OAuthError('invalid_request', 'token is missing');
  const cascade = single(form, 'cascade') ?? 'token';
  if (!isCascade(cascade)) {
    throw new OAuthError('invalid_request', `cascade must be one of ${CASCADES.join(', ')}`);
  }
  return { token, cascade };
}

function isCascade(value: string): value is Cascade {
  return CASCADES.some((one) => one === value);
}
