import type { MalformedReason } from '../oauth/compact-jws.js';

/** The reason of an {@link InvalidToken}: a word for the log and the audit event, never for the caller. */
export type InvalidTokenReason =
  | MalformedReason
  | 'wrong_typ'
  | 'missing_kid'
  | 'unknown_kid'
  | 'alg_mismatch'
  | 'bad_signature'
  | 'wrong_issuer'
  | 'wrong_zone'
  | 'invalid_exp'
  | 'invalid_iat'
  | 'invalid_nbf'
  | 'invalid_lifetime'
  | 'issued_in_future'
  | 'not_yet_valid'
  | 'expired'
  | 'invalid_jti'
  | 'invalid_sid'
  | 'invalid_root_sid'
  | 'invalid_sub'
  | 'invalid_sub_type'
  | 'invalid_sub_iss'
  | 'invalid_sub_labels'
  | 'invalid_authentication'
  | 'invalid_client_id'
  | 'invalid_use'
  | 'invalid_scope'
  | 'invalid_target'
  | 'invalid_aud'
  | 'wrong_audience'
  | 'invalid_act'
  | 'invalid_ancestors'
  | 'invalid_status'
  | 'invalid_may_act'
  | 'invalid_authorization_details'
  | 'invalid_gen'
  | 'invalid_pol';

/** Thrown when a token is not a mandate of this zone that is valid now. */
export class InvalidToken extends Error {
  override readonly name = 'InvalidToken';

  constructor(
    readonly reason: InvalidTokenReason,
    cause?: unknown,
  ) {
    super(reason, cause === undefined ? undefined : { cause });
  }
}
