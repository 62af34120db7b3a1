import type { PublicJwks } from '../issuers/jwks.js';

/** What the `aud` of a client's assertions may be registered to be. */
export const ASSERTION_AUDIENCES = ['issuer', 'token_endpoint'] as const;

/**
 * `issuer`: our issuer, which RFC 10070 wants; `token_endpoint`: the URL of our token endpoint, for clients that cannot
 * be told. Another server can name our token endpoint as its own, and a client that believes it then signs for that
 * server what we take (audience injection), so it is off unless an operator sets it.
 */
export type AssertionAudience = (typeof ASSERTION_AUDIENCES)[number];

/** The means by which a client can authenticate without a secret (RFC 7523 2.2). */
export interface AssertingClient {
  readonly id: string;
  readonly jwks: PublicJwks | null;
  readonly jwksUri: string | null;
  readonly workloadIdentity: WorkloadIdentity | null;
  /** What the `aud` of its own assertions must be. */
  readonly assertionAudience: AssertionAudience;
}

/** The identity of a client's workload: the subject of a trusted issuer's tokens. */
export interface WorkloadIdentity {
  readonly issuer: string;
  readonly subject: string;
}
