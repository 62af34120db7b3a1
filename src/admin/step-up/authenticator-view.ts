import type { Authenticator } from '../../step-up/authenticators/authenticator.entity.js';

/** What a person confirms with. */
export interface AuthenticatorView {
  readonly id: string;
  readonly kind: Authenticator['kind'];
  /** The `sub` of a user, or the id of a client that a person answers for. */
  readonly subject: string;
  /** The trusted issuer of the name; absent for names of ours. */
  readonly issuer?: string;
  /** Of an app that makes codes: whether readers of the request logs of the first version may know its key. */
  readonly key_known_to_log_readers?: boolean;
  /** Of recovery codes: how many have not been used. */
  readonly codes_left?: number;
  /** `null`: never. */
  readonly last_used_at: Date | null;
  readonly created_at: Date;
}

/** An app that makes codes, with its key, which is in one answer. */
export interface NewAuthenticatorView extends AuthenticatorView {
  /** The key, in Base32 (RFC 4648 6), as apps take it by hand. */
  readonly secret: string;
  /** The same as apps take it from a picture. */
  readonly otpauth_uri: string;
}

/** A link by which a person registers an app or a passkey. */
export interface EnrolmentView {
  /** Good once, and shown this once. */
  readonly enrolment_url: string;
  readonly expires_at: Date;
}

/**
 * An authenticator as operators are shown it.
 *
 * @param known whether log readers may know its key
 */
export function toView(authenticator: Authenticator, known: boolean): AuthenticatorView {
  const { id, subject, subjectIssuer, kind, recoveryDigests, lastUsedAt, createdAt } =
    authenticator;
  return {
    id,
    kind,
    subject,
    ...(subjectIssuer === null ? {} : { issuer: subjectIssuer }),
    ...(kind === 'totp' ? { key_known_to_log_readers: known } : {}),
    ...(kind === 'recovery_code' ? { codes_left: recoveryDigests?.length ?? 0 } : {}),
    last_used_at: lastUsedAt,
    created_at: createdAt,
  };
}
