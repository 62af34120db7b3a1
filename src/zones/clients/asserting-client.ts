import type { PublicJwks } from '../issuers/jwks.js';

/** The means by which a client can authenticate without a secret (RFC 7523 2.2). */
export interface AssertingClient {
  readonly id: string;
  readonly jwks: PublicJwks | null;
  readonly jwksUri: string | null;
  readonly workloadIdentity: WorkloadIdentity | null;
}

/** The identity of a client's workload: the subject of a trusted issuer's tokens. */
export interface WorkloadIdentity {
  readonly issuer: string;
  readonly subject: string;
}
