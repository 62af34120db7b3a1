import {
  isJsonArray,
  isJsonObject,
  type JsonObject,
  type JsonValue,
} from '../../oauth/strict-json.js';
import { isSubjectIdentifier } from '../../oauth/subject-identifier.js';
import { SESSION_REVOKED } from './event-types.js';

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
  /** Whose sessions are revoked; `null` if it says nothing that is acted on. */
  readonly revoked: string | null;
}

/** What is expected of a token beside its signature. */
export interface SetTerms {
  /** The issuer whose key has signed it, and the claim in which its tokens name the users. */
  readonly issuer: { readonly issuer: string; readonly subjectClaim: string };
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
  const revokes = Object.hasOwn(events, SESSION_REVOKED);
  return { jti, revoked: revokes ? userOf(subject, issuer) : null };
}

/**
 * The user that a subject is, or whose session it is: only one that the issuer names as its own, in the way in which its
 * tokens name users.
 */
function userOf(subject: JsonValue | undefined, issuer: SetTerms['issuer']): string | null {
  if (subject === undefined || !isJsonObject(subject)) return null;
  const { format, iss, sub, email, user } = subject;
  if (format === 'complex') return isJsonObject(user) ? userOf(user, issuer) : null;
  const name =
    format === 'iss_sub' && iss === issuer.issuer && issuer.subjectClaim === 'sub'
      ? sub
      : format === 'email' && issuer.subjectClaim === 'email'
        ? email
        : null;
  return isSubjectIdentifier(name) ? name : null;
}
