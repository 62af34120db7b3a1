import type { PublicJwks } from '../issuers/jwks.js';

/** What a client can be recognised by without a secret. */
export interface AssertingClient {
  readonly id: string;
  readonly jwks: PublicJwks | null;
  readonly jwksUri: string | null;
  readonly workloadIdentity: WorkloadIdentity | null;
}

/** What a trusted issuer calls the workload that a client is. */
export interface WorkloadIdentity {
  readonly issuer: string;
  readonly subject: string;
}
