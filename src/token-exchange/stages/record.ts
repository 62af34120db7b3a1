import { v7 as uuidv7 } from 'uuid';
import type {
  Committed,
  Entry,
  Fact,
  Receipt,
  SessionBirth,
  RememberedAuthentication,
} from '../../ledger/entry.js';
import { issuedEvent } from '../describe/audit-event.js';
import { factsOf, restsOn, unspent } from '../describe/facts.js';
import type { Minted } from './mint.js';
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
      return { status: 'stale', zoneId: minted.zone.zoneId };
    default:
      return refusedFor(committed.fact);
  }
}

function entryOf(minted: Minted): Entry {
  const { anchor, session, claims, client } = minted;
  return {
    event_id: uuidv7(),
    ...restsOn(minted),
    facts: [...unspent(minted.once), ...factsOf(minted, claims.iat), ...challengeSpent(minted)],
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
    ...(anchor === null ? {} : rememberedBy(anchor.sid, minted)),
    event: issuedEvent(minted),
  };
}

/** What a session remembers of the issuer's token that opened it, and of what its subject has shown since. */
function issuedBy(minted: Minted): Pick<SessionBirth, 'issuer' | 'acr' | 'amr' | 'auth_time'> {
  const { user } = minted;
  const context = minted.redeemed?.shown ?? tokenContext(minted);
  return { ...(user === null ? {} : { issuer: user.issuer }), ...contextClaims(context) };
}

/** What a session that is there already remembers from now on. */
function rememberedBy(sessionId: string, minted: Minted): { proof?: RememberedAuthentication } {
  const context = minted.redeemed?.shown;
  if (context?.acr === undefined || context.authTime === undefined) return {};
  const { sub, issuer } = contextSubject(minted);
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

function challengeSpent({ redeemed }: Minted): Fact[] {
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
