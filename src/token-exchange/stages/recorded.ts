import type { Committed, Entry, Fact } from '../../ledger/entry.js';
import { OAuthError, unavailable } from '../../oauth/errors.js';
import { isAgencyFact } from '../describe/agency-facts.js';
import { notUsable } from './delegate.js';
import { unusable } from './resolve.js';

/** Commits one entry. */
export interface LedgerPort {
  commit(entry: Entry): Promise<Committed>;
}

/** The zone, or an unknown client, turned out to be other than evaluated: evaluate again. */
export class StaleEvaluation extends Error {
  override readonly name = 'StaleEvaluation';

  constructor(readonly zoneId: string) {
    super('the zone changed since the evaluation');
  }
}

/** A denial that the ledger has recorded itself, so nobody needs to record it again. */
export class RecordedDenial extends OAuthError {
  constructor(fact: Fact) {
    const source = publicly(fact);
    super(source.code, source.message, {
      detail: fact.otherwise.reason,
      ...(source.retryAfter === undefined ? {} : { retryAfter: source.retryAfter }),
    });
  }
}

/** What the caller is told of a fact that moved: nothing that it would not be told of any other. */
function publicly(fact: Fact): OAuthError {
  const { reason } = fact.otherwise;
  if (fact.kind === 'nonce_unspent') {
    return new OAuthError('invalid_client', 'client authentication failed');
  }
  if (fact.kind === 'clock_agrees') return unavailable(reason);
  if (fact.kind === 'session_live') {
    return new OAuthError('invalid_grant', 'the session is not usable');
  }
  if (fact.kind === 'challenge_satisfied') return notRedeemable(reason);
  if (fact.kind === 'challenge_allowed') {
    return new OAuthError('slow_down', 'too many challenges are pending', { retryAfter: 30 });
  }
  if (isAgencyFact(fact)) return notUsable(reason);
  return unusable(fact.parameter, reason);
}

/** One text for every cause, so that nobody learns of challenges that are not theirs. */
export function notRedeemable(detail: string): OAuthError {
  return new OAuthError('invalid_grant', 'the challenge is not usable', { detail });
}
