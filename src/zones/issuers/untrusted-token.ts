import type { MalformedReason } from '../../oauth/compact-jws.js';

/** The reason of an {@link UntrustedToken}: a word for the log and the audit event, never for the caller. */
export type UntrustedReason =
  | MalformedReason
  | 'unsupported_typ'
  | 'missing_kid'
  | 'unknown_kid'
  | 'ambiguous_kid'
  | 'key_expired'
  | 'alg_mismatch'
  | 'alg_not_allowed'
  | 'bad_signature'
  | 'unknown_issuer'
  | 'wrong_issuer'
  | 'client_not_allowed'
  | 'unknown_identity'
  | 'token_type_not_allowed'
  | 'invalid_exp'
  | 'invalid_iat'
  | 'invalid_nbf'
  | 'invalid_lifetime'
  | 'issued_in_future'
  | 'not_yet_valid'
  | 'expired'
  | 'too_old'
  | 'too_long_lived'
  | 'invalid_aud'
  | 'wrong_audience'
  | 'several_audiences'
  | 'invalid_sub'
  | 'wrong_sub'
  | 'invalid_jti'
  | 'sender_constrained'
  | 'another_kind'
  | 'has_an_actor'
  | 'invalid_may_act'
  | 'invalid_authorization_details'
  | 'invalid_authentication'
  | 'invalid_labels'
  | 'condition_not_met'
  | 'taken_back';

/** Thrown when a trusted issuer's token, or a client's assertion, fails verification; `reason` is for the log. */
export class UntrustedToken extends Error {
  override readonly name = 'UntrustedToken';

  constructor(
    readonly reason: UntrustedReason,
    cause?: unknown,
  ) {
    super(reason, cause === undefined ? undefined : { cause });
  }
}
