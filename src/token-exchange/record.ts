import { v7 as uuidv7 } from 'uuid';
import type { Committed, Entry, Fact, Nonce, Receipt, SessionBirth } from '../ledger/entry.js';
import type { MandateClaims } from '../keys/verify-mandate.js';
import { OAuthError, unavailable } from '../oauth/errors.js';
import { agencyFacts, isAgencyFact } from './agency-facts.js';
import { issuedEvent } from './audit-event.js';
import { notUsable } from './delegate.js';
import type { Minted } from './mint.js';
import { unusable } from './resolve.js';
import type { TokenResponse, Upstream } from './token-request.js';

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
      throw new RecordedDenial(committed.fact);
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

/** The fact that what proves who asks has not been used before; checked first, so that it is spent whatever else fails. */
export function unspent(once: Nonce | null): Fact[] {
  if (once === null) return [];
  const reason = `${once.purpose} was used before`;
  return [
    {
      kind: 'nonce_unspent',
      ...once,
      otherwise: { outcome: 'denied', error: 'invalid_client', reason },
    },
  ];
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
  if (isAgencyFact(fact)) return notUsable(reason);
  return unusable(fact.parameter, reason);
}

function entryOf(minted: Minted): Entry {
  const { zone, anchor, session, claims, client } = minted;
  return {
    event_id: uuidv7(),
    zone_id: zone.zoneId,
    zone_version: zone.version,
    facts: [...unspent(minted.once), ...factsOf(minted)],
    ...(anchor === null
      ? {
          session: {
            id: session.sid,
            root_id: session.rootSid,
            client_id: client.id,
            subject: claims.sub,
            ...issuedBy(minted),
            expires_at: session.expiresAt,
          },
        }
      : {}),
    event: issuedEvent(minted),
  };
}

/** What a session remembers of the issuer's token that opened it. */
function issuedBy({ user }: Minted): Pick<SessionBirth, 'issuer' | 'acr' | 'amr' | 'auth_time'> {
  if (user === null) return {};
  const { authTime, ...authentication } = user.authentication;
  return {
    issuer: user.issuer,
    ...authentication,
    ...(authTime === undefined ? {} : { auth_time: authTime }),
  };
}

/** Everything that a mandate rests on and that an operator or time may have taken away meanwhile. */
function factsOf({ claims, subject, actor, anchor, agency, actingAgent }: Minted): Fact[] {
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
    ...(subject === null ? [] : notRevoked(subject, 'subject_token')),
    ...(actor === null ? [] : notRevoked(actor, 'actor_token')),
    ...agencyFacts(agency, actingAgent),
  ];
}

/** Neither the token nor anything that it came of. */
function notRevoked(
  { jti, ancestors }: MandateClaims,
  parameter: 'subject_token' | 'actor_token',
): Fact[] {
  return [jti, ...ancestors].map((each) => ({
    kind: 'token_not_revoked',
    jti: each,
    parameter,
    otherwise: {
      outcome: 'denied',
      error: 'invalid_request',
      reason: each === jti ? `${parameter}: revoked` : `${parameter}: an ancestor is revoked`,
    },
  }));
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
    ...(minted.throughGateway ? { upstreams: upstreamsOf(minted) } : {}),
  };
}

function upstreamsOf({ policy }: Minted): Record<string, Upstream> {
  const known = policy.decisions.flatMap(({ resource: { identifier, upstreamUrl: url } }) =>
    url === null ? [] : [[identifier, upstreamAt(url)] as const],
  );
  return Object.fromEntries(known);
}

function upstreamAt(url: string): Upstream {
  return { url, auth_mode: 'caracal_jwt', auth_header: 'Authorization', auth_scheme: 'Bearer' };
}
