import type { DrawnIndex } from '../../ledger/status-lists/status-blocks.service.js';
import { NoSigningKey, WrongSignature, type SignedMandate } from '../../keys/signing/key-ring.js';
import { InvalidToken } from '../../mandates/invalid-token.js';
import type { MandateClaims } from '../../mandates/mandate-claims.js';
import { MANDATE_TYP, type MandateTyp } from '../../oauth/vocabulary.js';
import type { ZoneAlg } from '../../oauth/algorithms.js';
import { claimsOf, isSmallEnough, pickClaims, type Claims } from '../../mandates/scope-claims.js';
import { hasExactNumbers } from '../../oauth/exact-numbers.js';
import { statusClaim } from '../../mandates/status-claim.js';
import { OAuthError, unavailable } from '../../oauth/errors.js';
import { newId } from '../../platform/uuid-v7.js';
import { agencyClaims, applicationsOf } from '../describe/agency-claims.js';
import { issuanceClaims } from '../describe/issued-generations.js';
import type { TokenVerifier } from '../token-verification.service.js';
import { actorClaim, ancestorsOf } from './actor-chain.js';
import type { Anchor } from './bind.js';
import type { Cleared } from './clearance.js';
import { drawIndex, type StatusIndices } from './status-index.js';
import { lifetimeAsked, lifetimeCap } from './lifetimes.js';
import { principalClaims } from '../describe/principal.js';
import { isOwnIssuer } from '../../zones/zone-issuer.js';
import { contextClaims } from './authentication-context.js';

/** A request with its mandate signed, but not yet recorded: it must not leave yet. */
export interface Minted {
  readonly cleared: Cleared;
  readonly mandate: SignedMandate;
  /** The claims as they were read back from the signed token. */
  readonly claims: MandateClaims;
  /** The session that the mandate belongs to. */
  readonly session: Anchor;
  /** Its place in a status list; `null` if no list tells its status. */
  readonly listed: DrawnIndex | null;
}

/**
 * Stage 7: builds the claims (RFC 9068 2.2, RFC 8693 4), signs them, and reads back what was signed.
 *
 * @param indices draws indices of status lists
 * @param now milliseconds since the epoch
 * @throws {OAuthError} invalid_request for a lifetime beyond the cap, for too large a mandate, or for claims that
 *   cannot be written on as they are; invalid_target
 *   for the issuer itself; invalid_grant if there is no life left; temporarily_unavailable if no key may
 *   sign; server_error if what was signed cannot be read or is signed wrongly, which is our fault whatever came in
 */
export async function mint(
  cleared: Cleared,
  tokens: TokenVerifier,
  indices: StatusIndices,
  now: number,
): Promise<Minted> {
  const { issuers } = tokens;
  const { issuer } = issuers;
  const { caller, principals, granted, agency, policy } = cleared;
  const { client, zone } = caller;
  const { subject, act, use } = principals;
  if (granted.targets.some((name) => isOwnIssuer(issuers, name))) {
    throw new OAuthError('invalid_target', 'a resource is unknown or not available', {
      detail: 'a mandate for the issuer would pass for a session mandate',
    });
  }
  const iat = Math.floor(now / 1_000);
  // A session mandate is for us, whatever it aims at.
  const asked =
    use === 'session' ? [] : policy.decisions.map(({ resource }) => resource.signingAlg);
  const exp = expiry(cleared, iat, signerExpiry(zone.keys, asked, now));
  const session = cleared.anchor ?? newSession(exp);
  const listed = await drawIndex(cleared, indices, exp);
  const [onlyTarget, ...moreTargets] = granted.targets;
  const audience = moreTargets.length === 0 ? onlyTarget : granted.targets;
  const claims = {
    // First: nothing that is said below is ever said by these.
    ...scopeClaims(cleared),
    iss: issuer,
    ...principalClaims(principals, client.id, issuers),
    ...contextClaims(cleared.authenticationContext),
    aud: use === 'session' ? issuer : audience,
    exp,
    iat,
    jti: newId(),
    zone_id: zone.zoneId,
    client_id: client.id,
    scope: granted.scope.join(' '),
    ...(granted.details.length === 0 ? {} : { authorization_details: granted.details }),
    sid: session.sid,
    root_sid: session.rootSid,
    use,
    target: granted.targets,
    ...(act === undefined ? {} : { act: actorClaim(act, applicationsOf(agency)) }),
    ...agencyClaims(agency),
    ...issuanceClaims(cleared),
    ...(subject === null ? {} : { ancestors: ancestorsOf(subject) }),
    ...(listed === null ? {} : { status: statusClaim(listed) }),
  };
  try {
    const mandate = await zone.keys.sign(claims, asked, now, typOf(cleared));
    return { cleared, mandate, claims: tokens.minted(mandate), session, listed };
  } catch (error) {
    if (error instanceof NoSigningKey) throw unavailable('no signing key', error);
    if (error instanceof InvalidToken && error.reason === 'too_large') {
      throw new OAuthError('invalid_request', 'the mandate would be too large', { cause: error });
    }
    if (error instanceof WrongSignature) {
      throw new OAuthError('server_error', 'an internal error', {
        detail: error.message,
        cause: error,
      });
    }
    if (error instanceof InvalidToken) {
      const detail = `the mandate cannot be read back: ${error.reason}`;
      throw new OAuthError('server_error', 'an internal error', { detail, cause: error });
    }
    throw error;
  }
}

/**
 * The claims of the user that the granted scopes let in, as whoever is exchanged from says them: the trusted issuer, or the
 * mandate of before, which has no more of them than its own scopes let in (OpenID Connect Core 5.4).
 *
 * @throws {OAuthError} invalid_request for more than a mandate has room for, or for numbers that may be others: nothing is
 *   left out or changed in silence
 */
function scopeClaims({ caller: { zone }, principals, granted }: Cleared): Claims {
  const { subject, user } = principals;
  const said = user?.claims ?? (subject?.subType === 'user' ? subject.raw : {});
  const claims = pickClaims(said, claimsOf(granted.scope, zone.scopeClaims));
  const names = Object.keys(claims);
  const inexact = names.filter((name) => !hasExactNumbers(claims[name]));
  if (inexact.length > 0) {
    throw new OAuthError('invalid_request', 'a claim of the user has a number beyond 2^53', {
      detail: `claims of scopes: ${inexact.join(' ')}`,
    });
  }
  if (isSmallEnough(claims)) return claims;
  throw new OAuthError('invalid_request', 'the mandate would be too large', {
    detail: `claims of scopes: ${names.join(' ')}`,
  });
}

/**
 * The smallest of every cap, in seconds since the epoch.
 *
 * @param signerExpiresAt when the key leaves the key set, in milliseconds since the epoch
 */
function expiry(cleared: Cleared, iat: number, signerExpiresAt: number): number {
  const { anchor, policy, agency } = cleared;
  const { ttlSeconds } = cleared.asked;
  const { subject, user, actor } = cleared.principals;
  const cap = lifetimeCap(cleared);
  if (ttlSeconds !== null && ttlSeconds > cap) {
    throw new OAuthError('invalid_request', `ttl_seconds is more than ${cap}`);
  }
  const exp = Math.min(
    iat + lifetimeAsked(cleared),
    ...policy.decisions.map(({ verdict }) => iat + (verdict.maxTtlSeconds ?? cap)),
    iat + (cleared.caller.client.accessTokenLifespan ?? cap),
    subject?.exp ?? user?.exp ?? cleared.caller.federated?.exp ?? Number.POSITIVE_INFINITY,
    actor?.exp ?? Number.POSITIVE_INFINITY,
    anchor?.expiresAt ?? Number.POSITIVE_INFINITY,
    agency?.endsAt ?? Number.POSITIVE_INFINITY,
    Math.floor(signerExpiresAt / 1_000),
  );
  if (exp <= iat) throw new OAuthError('invalid_grant', 'what this request relies on has expired');
  return exp;
}

function signerExpiry(
  keys: Cleared['caller']['zone']['keys'],
  asked: readonly (ZoneAlg | null)[],
  now: number,
): number {
  try {
    return keys.signerExpiresAt(asked, now);
  } catch (error) {
    if (error instanceof NoSigningKey) throw unavailable('no signing key', error);
    throw error;
  }
}

/** The `typ` that the resources take, which is one (`authorize.ts`); a session mandate is taken by us. */
function typOf({ principals, granted }: Cleared): MandateTyp {
  const [first] = granted.resources;
  return principals.use === 'session' ? MANDATE_TYP : (first?.tokenTyp ?? MANDATE_TYP);
}

function newSession(expiresAt: number): Anchor {
  const sid = newId();
  return { sid, rootSid: sid, expiresAt };
}
