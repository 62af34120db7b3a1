import type {
  Committed,
  Entry,
  Fact,
  CommitReceipt,
  SessionBirth,
  RememberedAuthentication,
} from '../../ledger/entry.js';
import { newId } from '../../platform/uuid-v7.js';
import { issuedEvent } from '../describe/audit-event.js';
import { graphOf } from '../describe/agency-facts.js';
import { seenSubject, sessionGenerations } from '../describe/issued-generations.js';
import { endingAt, factsOf, restsOn, toldTo, unspent } from '../describe/facts.js';
import type { PolicyDecisions } from './ask-policy.js';
import type { Cleared, Redemption } from './clearance.js';
import type { Minted } from './mint.js';
import { listedMandate } from '../describe/listed-mandate.js';
import { contextClaims, contextSubject, tokenContext } from './authentication-context.js';
import { refusedFor, type Outcome } from '../outcome.js';
import type { TokenResponse, Upstream } from '../token-request.js';

/** The ledger, as the stages that commit to it use it. */
export interface LedgerPort {
  /** @throws {OAuthError} temporarily_unavailable */
  commit(entry: Entry): Promise<Committed>;
}

/** Stage 8: records the mandate, and only then makes the response that carries it. */
export async function record(minted: Minted, ledger: LedgerPort): Promise<Outcome> {
  const committed = await ledger.commit(entryOf(minted));
  switch (committed.status) {
    case 'recorded':
      return { status: 'issued', response: respond(minted, committed.receipt) };
    case 'stale':
      return { status: 'stale', zoneId: minted.cleared.caller.zone.zoneId };
    default:
      return refusedFor(committed.fact);
  }
}

function entryOf(minted: Minted): Entry {
  const { cleared, session, claims } = minted;
  const { anchor, redeemed, caller } = cleared;
  return {
    event_id: newId(),
    ...restsOn(caller),
    ...graphOf(cleared.agency),
    ...seenSubject(cleared),
    facts: endingAt('record', [
      ...unspent(caller.once),
      ...toldTo(caller, [...factsOf(cleared, claims.iat), ...challengeSpent(redeemed)]),
    ]),
    ...(anchor === null
      ? {
          session: {
            id: session.sid,
            root_id: session.rootSid,
            client_id: caller.client.id,
            subject: claims.sub,
            ...issuedBy(cleared),
            ...openedBy(caller),
            expires_at: session.expiresAt,
            ...sessionGenerations(claims),
          },
        }
      : {}),
    ...(anchor === null ? {} : rememberedBy(anchor.sid, cleared)),
    ...listedMandate(minted),
    event: issuedEvent(minted),
  };
}

/** What a session remembers of the issuer's token that opened it, and of what its subject has shown since. */
function issuedBy({
  principals,
  redeemed,
}: Cleared): Pick<SessionBirth, 'issuer' | 'acr' | 'amr' | 'auth_time'> {
  const { user } = principals;
  const context = redeemed?.shown ?? tokenContext(principals);
  return { ...(user === null ? {} : { issuer: user.issuer }), ...contextClaims(context) };
}

/** The identity with which a session ends that its token opens. */
function openedBy({ federated }: Cleared['caller']): Pick<SessionBirth, 'federated_identity_id'> {
  return federated === undefined ? {} : { federated_identity_id: federated.id };
}

/** What a session that is there already remembers from now on. */
function rememberedBy(sessionId: string, cleared: Cleared): { proof?: RememberedAuthentication } {
  const context = cleared.redeemed?.shown;
  if (context?.acr === undefined || context.authTime === undefined) return {};
  const { sub, issuer } = contextSubject(cleared);
  return {
    proof: {
      session_id: sessionId,
      subject: sub,
      ...(issuer === null ? {} : { issuer }),
      acr: context.acr,
      amr: context.amr,
      auth_time: context.authTime,
    },
  };
}

function challengeSpent(redeemed: Redemption | null): Fact[] {
  if (redeemed === null) return [];
  return [
    {
      kind: 'challenge_satisfied',
      id: redeemed.id,
      binding: redeemed.binding,
      secret_digest: redeemed.secretDigest,
      otherwise: {
        outcome: 'denied',
        error: 'invalid_grant',
        reason: 'the challenge has been spent, or has expired',
      },
    },
  ];
}

/** The receipt is not read: having one is the point. */
function respond({ cleared, claims, mandate }: Minted, _receipt: CommitReceipt): TokenResponse {
  const { asked, caller, granted, policy } = cleared;
  return {
    access_token: mandate.token,
    issued_token_type: asked.tokenType,
    token_type: 'Bearer',
    expires_in: claims.exp - claims.iat,
    scope: granted.scope.join(' '),
    ...(granted.details.length === 0 ? {} : { authorization_details: granted.details }),
    target_resources: granted.targets,
    ...(caller.throughGateway ? { upstreams: upstreamsOf(policy) } : {}),
  };
}

function upstreamsOf({ decisions }: PolicyDecisions): Record<string, Upstream> {
  const known = decisions.flatMap(({ resource: { identifier, upstreamUrl: url } }) =>
    url === null ? [] : [[identifier, upstreamAt(url)] as const],
  );
  return Object.fromEntries(known);
}

function upstreamAt(url: string): Upstream {
  return { url, auth_mode: 'caracal_jwt', auth_header: 'Authorization', auth_scheme: 'Bearer' };
}
