import type { SigningAlg } from '../../oauth/algorithms.js';
import type { PublicJwks } from '../../zones/issuers/jwks.js';
import type { ClaimConditions, IssuerTokenType } from '../../zones/issuers/trusted-issuer.js';
import type { TrustedIssuerRow } from '../../zones/issuers/trusted-issuer.entity.js';
import type { Removing } from '../removals/describe-removal.js';

/** An issuer whose tokens a zone believes. */
export interface IssuerView {
  readonly id: string;
  /** Exactly what its tokens have in `iss`. */
  readonly issuer: string;
  /** Its public keys (RFC 7517 5), if they are registered themselves. */
  readonly jwks?: PublicJwks;
  /** Where it publishes them, if it does. */
  readonly jwks_uri?: string;
  /** What subject tokens may have in `aud`, one of which is enough. */
  readonly audiences: readonly string[];
  /** What it may sign with. */
  readonly algorithms: readonly SigningAlg[];
  /** What its tokens may be used as. */
  readonly token_types: readonly IssuerTokenType[];
  /** By claim, the values of which its tokens must have one. */
  readonly claim_conditions: ClaimConditions;
  /** The claim that becomes `sub`. */
  readonly subject_claim: string;
  /** The claims that policies see as labels of the user. */
  readonly label_claims: readonly string[];
  /** The clients that may present its tokens; all if it is empty. */
  readonly allowed_client_ids: readonly string[];
  /** Seconds since `iat` after which its tokens are refused; absent: `exp` alone counts. */
  readonly max_age_seconds?: number;
  /** Where its shared signals are fetched (RFC 8936); absent: nowhere. */
  readonly ssf_poll_url?: string;
  /** Whether there is a bearer token for that, which is never shown. */
  readonly has_ssf_poll_token?: boolean;
  readonly created_at: Date;
  /** When an operator changed it last; when it was made, if none has. */
  readonly updated_at: Date;
}

/** How it goes with fetching the shared signals of an issuer. */
export interface PollView {
  /** When it answered last; `null`: not yet. */
  readonly answered_at: Date | null;
  /** Attempts in a row that have failed. */
  readonly failures: number;
  readonly last_error: string | null;
}

/** The same with how it goes with its shared signals, if those are fetched. */
export interface IssuerDetailView extends IssuerView {
  readonly ssf_poll?: PollView;
}

/** An issuer that is not trusted any more, while its sessions are being marked as ended. */
export interface RemovingIssuerView extends Removing {
  readonly id: string;
  readonly issuer: string;
}

/** An issuer that was removed, with how far its sessions are. */
export interface RemovedIssuer extends Removing {
  readonly id: string;
}

/** An issuer as operators are shown it. */
export function toView(row: TrustedIssuerRow): IssuerView {
  return {
    id: row.id,
    issuer: row.issuer,
    ...(row.jwks === null ? {} : { jwks: row.jwks }),
    ...(row.jwksUri === null ? {} : { jwks_uri: row.jwksUri }),
    audiences: row.audiences,
    algorithms: row.algorithms,
    token_types: row.tokenTypes,
    claim_conditions: row.claimConditions,
    subject_claim: row.subjectClaim,
    label_claims: row.labelClaims,
    allowed_client_ids: row.allowedClientIds,
    ...(row.maxAgeSeconds === null ? {} : { max_age_seconds: row.maxAgeSeconds }),
    ...(row.ssfPollUrl === null
      ? {}
      : { ssf_poll_url: row.ssfPollUrl, has_ssf_poll_token: row.sealedSsfPollToken !== null }),
    created_at: row.createdAt,
    updated_at: row.updatedAt ?? row.createdAt,
  };
}
