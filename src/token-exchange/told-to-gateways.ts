import type { Fact } from '../ledger/entry.js';
import { OAuthError } from '../oauth/errors.js';
import { wrongBearer } from '../platform/http/bearer-challenge.js';
import { UnusableToken } from './unusable-token.js';

/**
 * What a gateway is told of a refusal. Where the subject token does not hold, or a session, an agent session, a delegation
 * or a challenge that the request rests on, that is 401 `invalid_token` (RFC 6750 3.1): the gateway hands it to its
 * caller, who then gets a new token. RFC 8693 2.2.2 and RFC 6749 5.2 have 400 for it, which says that the gateway itself
 * asked wrongly.
 */
export function toldToGateway(error: OAuthError): OAuthError {
  const dead =
    error.code === 'invalid_grant' ||
    (error instanceof UnusableToken && error.parameter === 'subject_token' && !error.holds);
  return dead
    ? new OAuthError('invalid_token', error.message, {
        detail: error.detail,
        cause: error.cause,
        wwwAuthenticate: wrongBearer('mandate'),
      })
    : error;
}

/** The same of facts: what is recorded, if one has moved, is what the gateway is told then. */
export function factsToldToGateway(facts: readonly Fact[]): Fact[] {
  return facts.map((fact) =>
    fact.otherwise.error === 'invalid_grant' || isSubjectToken(fact)
      ? { ...fact, otherwise: { ...fact.otherwise, error: 'invalid_token' } }
      : fact,
  );
}

function isSubjectToken(fact: Fact): boolean {
  return fact.kind === 'token_not_revoked' && fact.parameter === 'subject_token';
}
