import { v7 as uuidv7 } from 'uuid';
import type { Committed, Entry, Fact, Receipt } from '../ledger/entry.js';
import type { MandateClaims } from '../keys/verify-mandate.js';
import { OAuthError, unavailable } from '../oauth/errors.js';
import { issuedEvent } from './audit-event.js';
import type { Minted } from './mint.js';
import { unusable } from './resolve.js';
import type { TokenResponse } from './token-request.js';

/** By how many seconds the database's clock may differ from the one that a mandate was minted by. */
const CLOCK_TOLERANCE = 30;

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

/**
 * Stage 8: records the mandate, and only then makes the response that carries it.
 *
 * @throws {StaleEvaluation} if the zone changed since the evaluation
 * @throws {OAuthError} whatever fact moved
 */
export async function record(minted: Minted, ledger: LedgerPort): Promise<TokenResponse> {
  const committed = await ledger.commit(entryOf(minted));
  switch (committed.status) {
    case 'recorded':
      return respond(minted, committed.receipt);
    case 'stale':
      throw new StaleEvaluation(minted.zone.zoneId);
    default:
      throw new RecordedDenial(committed.fact, minted);
  }
}

/** A denial that the ledger has recorded itself, so nobody needs to record it again. */
export class RecordedDenial extends OAuthError {
  constructor(fact: Fact, minted: Minted) {
    const source = publicly(fact, minted);
    super(source.code, source.message, {
      detail: fact.otherwise.reason,
      ...(source.retryAfter === undefined ? {} : { retryAfter: source.retryAfter }),
    });
  }
}

/** What the caller is told of a fact that moved: nothing that it would not be told of any other. */
function publicly(fact: Fact, { subject }: Minted): OAuthError {
  const { reason } = fact.otherwise;
  if (fact.kind === 'clock_agrees') return unavailable(reason);
  if (fact.kind === 'session_live') {
    return new OAuthError('invalid_grant', 'the session is not usable');
  }
  return unusable(fact.jti === subject?.jti ? 'subject_token' : 'actor_token', reason);
}

function entryOf(minted: Minted): Entry {
  const { zone, subject, actor, anchor, session, claims, client } = minted;
  return {
    event_id: uuidv7(),
    zone_id: zone.zoneId,
    zone_version: zone.version,
    facts: factsOf(minted),
    ...(anchor === null
      ? {
          session: {
            id: session.sid,
            root_id: session.rootSid,
            client_id: client.id,
            subject: claims.sub,
            expires_at: session.expiresAt,
          },
        }
      : {}),
    event: issuedEvent(minted, subject, actor),
  };
}

/** Everything that a mandate rests on and that an operator or time may have taken away meanwhile. */
function factsOf({ claims, subject, actor, anchor }: Minted): Fact[] {
  const clock: Fact = {
    kind: 'clock_agrees',
    now: claims.iat,
    tolerance: CLOCK_TOLERANCE,
    otherwise: {
      outcome: 'failed',
      error: 'temporarily_unavailable',
      reason: 'the clock differs from that of the database',
    },
  };
  const sessions = new Map<string, string>();
  if (anchor !== null) {
    // A root is its own root: what is closer to the request is set later, and names it.
    sessions.set(anchor.rootSid, 'root session');
    sessions.set(anchor.sid, 'session');
  }
  if (subject !== null) sessions.set(subject.sid, "subject token's session");
  if (actor !== null) {
    sessions.set(actor.rootSid, "actor token's root session");
    sessions.set(actor.sid, "actor token's session");
  }
  return [
    clock,
    ...[...sessions].map(([id, whose]): Fact => ({
      kind: 'session_live',
      id,
      otherwise: { outcome: 'denied', error: 'invalid_grant', reason: `the ${whose} is not alive` },
    })),
    ...(subject === null ? [] : [notRevoked(subject, 'subject_token')]),
    ...(actor === null ? [] : [notRevoked(actor, 'actor_token')]),
  ];
}

function notRevoked({ jti }: MandateClaims, name: string): Fact {
  return {
    kind: 'token_not_revoked',
    jti,
    otherwise: { outcome: 'denied', error: 'invalid_request', reason: `${name}: revoked` },
  };
}

/** The receipt is not read: having one is the point. */
function respond(minted: Minted, _receipt: Receipt): TokenResponse {
  const { claims, mandate, tokenType, granted } = minted;
  return {
    access_token: mandate.token,
    issued_token_type: tokenType,
    token_type: 'Bearer',
    expires_in: claims.exp - claims.iat,
    scope: granted.scope.join(' '),
    target_resources: granted.targets,
  };
}
