import type { Fact } from '../ledger/entry.js';
import { OAuthError, unavailable } from '../oauth/errors.js';
import { isAgencyFact } from './describe/agency-facts.js';
import { notUsable } from './stages/delegate.js';
import { doesNotHold, wasTakenBack } from './unusable-token.js';
import { toldToGateway } from './told-to-gateways.js';
import type { TokenResponse } from './token-request.js';

/** What one evaluation of a token request came to. All but `stale` are in the audit log. */
export type Outcome = Decided | Stale;

/** An outcome that is the answer. */
export type Decided =
  | { readonly status: 'issued'; readonly response: TokenResponse }
  /** A challenge is open for the request; `error` is `interaction_required` and has its secret. */
  | { readonly status: 'held'; readonly error: OAuthError }
  /** `error` is an `OAuthError`, or whatever went wrong in us. */
  | { readonly status: 'refused'; readonly error: unknown };

/** The zone or its graph, or that a client is unknown, has changed since the evaluation: it is to be evaluated again. */
export interface Stale {
  readonly status: 'stale';
  /** The zone that the evaluation rested on. */
  readonly zoneId: string;
}

/** A refusal for a fact that moved. The ledger has recorded it already. */
export function refusedFor(fact: Fact): Decided {
  const answer = answerFor(fact);
  const { code, message, retryAfter, wwwAuthenticate } =
    fact.otherwise.error === 'invalid_token' ? toldToGateway(answer) : answer;
  const error = new OAuthError(code, message, {
    detail: fact.otherwise.reason,
    ...(retryAfter === undefined ? {} : { retryAfter }),
    ...(wwwAuthenticate === undefined ? {} : { wwwAuthenticate }),
  });
  return { status: 'refused', error };
}

/** The public text for a fact that moved: the one text of its kind, so that it tells nothing about which fact. */
function answerFor(fact: Fact): OAuthError {
  const { reason } = fact.otherwise;
  if (fact.kind === 'nonce_unspent') {
    return new OAuthError('invalid_client', 'client authentication failed');
  }
  if (fact.kind === 'clock_agrees') return unavailable(reason);
  if (fact.kind === 'session_live') {
    return new OAuthError('invalid_grant', 'the session is not usable');
  }
  if (fact.kind === 'generation_current') return wasTakenBack(fact.parameter, reason);
  if (fact.kind === 'challenge_satisfied') return notRedeemable(reason);
  if (fact.kind === 'challenge_allowed') {
    return new OAuthError('slow_down', 'too many challenges are pending', { retryAfter: 30 });
  }
  if (isAgencyFact(fact)) return notUsable(reason);
  return doesNotHold(fact.parameter, reason);
}

/** One text for every cause, so that it tells nothing about challenges of others. */
export function notRedeemable(detail: string): OAuthError {
  return new OAuthError('invalid_grant', 'the challenge is not usable', { detail });
}
