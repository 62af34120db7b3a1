import {
  isJsonArray,
  isJsonObject,
  type JsonObject,
  type JsonValue,
} from '../../oauth/strict-json.js';
import type { TrustedIssuer } from '../../zones/issuers/trusted-issuer.js';
import { isSubjectIdentifier } from '../../oauth/subject-identifier.js';
import { SESSION_REVOKED, TOKEN_CLAIMS_CHANGE } from './event-types.js';

/** The error codes of a refused push (RFC 8935 2.4). */
export type SetErrorCode =
  'invalid_request' | 'invalid_key' | 'invalid_issuer' | 'invalid_audience';

/** A Security Event Token that is not accepted, and why. */
export class RefusedSet extends Error {
  override readonly name = 'RefusedSet';

  constructor(
    readonly err: SetErrorCode,
    description: string,
  ) {
    super(description);
  }
}

/** What a verified Security Event Token says, as far as that is of use. */
export interface ReceivedSet {
  readonly jti: string;
  /** Who is taken back; `null` if it says nothing that is acted on. */
  readonly revoked: string | null;
  /** The type of the event by which; `null` for none. */
  readonly event: string | null;
}

/** What is expected of a token beside its signature. */
export interface SetTerms {
  /** The issuer whose key has signed it, and the claims of its tokens that we go by. */
  readonly issuer: Pick<
    TrustedIssuer,
    'issuer' | 'subjectClaim' | 'labelClaims' | 'claimConditions'
  >;
  /** Who we are, each of which may be in `aud`. */
  readonly audiences: readonly string[];
  /** Seconds since the epoch. */
  readonly now: number;
}

/** Seconds for which a token is accepted after it was made: a transmitter may have been cut off for days. */
const MAX_AGE = 7 * 86_400;
/** Seconds by which the clock of a transmitter may be ahead of ours. */
const MAX_AHEAD = 60;
const MAX_JTI_LENGTH = 256;
/** The most names of one subject that are looked at. */
const MAX_ALIASES = 20;

/**
 * Reads the claims of a token whose signature is right (RFC 8417 2.2, OpenID SSF 1.0 4.1).
 *
 * @throws {RefusedSet}
 */
export function readSet(claims: JsonObject, { issuer, audiences, now }: SetTerms): ReceivedSet {
  const { aud, jti, iat, events, sub_id: subject } = claims;
  const audience = isJsonArray(aud) ? aud : [aud];
  if (!audience.some((one) => typeof one === 'string' && audiences.includes(one))) {
    throw new RefusedSet('invalid_audience', 'it is not for this zone');
  }
  if (typeof jti !== 'string' || jti === '' || jti.length > MAX_JTI_LENGTH) {
    throw new RefusedSet('invalid_request', 'it has no usable jti');
  }
  if (typeof iat !== 'number' || !(iat <= now + MAX_AHEAD) || !(iat >= now - MAX_AGE)) {
    throw new RefusedSet('invalid_request', 'it has no usable iat');
  }
  if (!isJsonObject(events) || Object.keys(events).length === 0) {
    throw new RefusedSet('invalid_request', 'it has no events');
  }
  const event = eventOf(events, issuer);
  const revoked = event === null ? null : userOf(subject, issuer);
  return { jti, revoked, event: revoked === null ? null : event };
}

/**
 * Whether a token, of which nothing is verified, may say anything that is acted on: then it is worth to be verified also
 * where an issuer has sent very much that is not.
 */
export function mayBeActedOn({ events }: JsonObject): boolean {
  return (
    events === undefined ||
    !isJsonObject(events) ||
    ACTED_ON.some((type) => Object.hasOwn(events, type))
  );
}

const ACTED_ON = [SESSION_REVOKED, TOKEN_CLAIMS_CHANGE] as const;

/** The type of the event that is acted on; `null` if there is none. */
function eventOf(events: JsonObject, issuer: SetTerms['issuer']): string | null {
  if (Object.hasOwn(events, SESSION_REVOKED)) return SESSION_REVOKED;
  const change = events[TOKEN_CLAIMS_CHANGE];
  if (change === undefined || !isJsonObject(change) || !isJsonObject(change['claims'])) return null;
  const used = usedClaims(issuer);
  return Object.keys(change['claims']).some((name) => used.has(name)) ? TOKEN_CLAIMS_CHANGE : null;
}

/**
 * The claims of an issuer's tokens that decide what its users get here: what we have of them in sessions and mandates is of
 * yesterday when they change. All others are no matter of ours.
 */
function usedClaims(issuer: SetTerms['issuer']): ReadonlySet<string> {
  const names = [
    issuer.subjectClaim,
    ...issuer.labelClaims,
    ...Object.keys(issuer.claimConditions),
  ];
  // Of a JSON pointer (RFC 6901) the claim that it leads into.
  return new Set(names.map((name) => (name.startsWith('/') ? pointedAt(name) : name)));
}

function pointedAt(pointer: string): string {
  return (pointer.split('/')[1] ?? '').replaceAll('~1', '/').replaceAll('~0', '~');
}

/**
 * The user that a subject is, or whose session it is: only one that the issuer names as its own, in the way in which its
 * tokens name users. In a complex subject that is the `user` (OpenID SSF 1.0 3.3): a session, a device or a tenant is called
 * there as nobody here calls it. Aliases are names of one subject (RFC 9493 3.2.8).
 */
function userOf(subject: JsonValue | undefined, issuer: SetTerms['issuer']): string | null {
  if (subject === undefined || !isJsonObject(subject)) return null;
  const { format, user } = subject;
  return format === 'complex' ? namedIn(user, issuer) : namedIn(subject, issuer);
}

function namedIn(subject: JsonValue | undefined, issuer: SetTerms['issuer']): string | null {
  if (subject === undefined || !isJsonObject(subject)) return null;
  if (subject['format'] !== 'aliases') return simpleName(subject, issuer);
  const { identifiers } = subject;
  if (identifiers === undefined || !isJsonArray(identifiers)) return null;
  for (const one of identifiers.slice(0, MAX_ALIASES)) {
    const name = isJsonObject(one) ? simpleName(one, issuer) : null;
    if (name !== null) return name;
  }
  return null;
}

function simpleName(
  { format, iss, sub, email }: JsonObject,
  issuer: SetTerms['issuer'],
): string | null {
  const name =
    format === 'iss_sub' && iss === issuer.issuer && issuer.subjectClaim === 'sub'
      ? sub
      : format === 'email' && issuer.subjectClaim === 'email'
        ? email
        : null;
  return isSubjectIdentifier(name) ? name : null;
}
