import type { AssertingClient } from '../clients/asserting-client.js';
import type { SecretRecord } from '../clients/secret.js';
import type { TrustedIssuer } from '../issuers/trusted-issuer.js';
import type { KeyRing } from '../../keys/signing/key-ring.js';
import type { ZoneAlg } from '../../oauth/algorithms.js';
import type { ActivePolicy, CandidatePolicy } from '../../policy/policy-sets.service.js';
import type { DeclaredOperation } from '../resource.entity.js';
import type { StepUpTerms } from '../step-up-terms.js';

/** A client in a snapshot. */
export interface ClientView extends AssertingClient {
  readonly labels: readonly string[];
  readonly groups: readonly string[];
  readonly authMethods: readonly string[];
  readonly registrationMethod: string;
  readonly disabled: boolean;
  /** Those that are not revoked; they may have expired. */
  readonly secrets: readonly SecretRecord[];
}

/** A resource in a snapshot. */
export interface ResourceView {
  readonly id: string;
  readonly identifier: string;
  readonly scopes: readonly string[];
  readonly access: 'direct' | 'gateway';
  readonly upstreamUrl: string | null;
  readonly ownerClientId: string | null;
  readonly operations: readonly DeclaredOperation[];
  readonly signingAlg: ZoneAlg | null;
}

/** A zone at one version. Immutable; everything that a decision needs is in it. */
export interface ZoneSnapshot {
  readonly zoneId: string;
  /** The version that the ledger compares. */
  readonly version: string;
  readonly clients: ReadonlyMap<string, ClientView>;
  /** By identifier. */
  readonly resources: ReadonlyMap<string, ResourceView>;
  /** The trusted issuers, by `iss`. */
  readonly issuers: ReadonlyMap<string, TrustedIssuer>;
  /** The zone's terms for step-up challenges, by type. */
  readonly stepUpTypes: ReadonlyMap<string, StepUpTerms>;
  /** The key that client secrets are digested with. */
  readonly digestKey: Buffer;
  readonly keys: KeyRing;
  /** The active policy set, which decides. */
  readonly policy: ActivePolicy;
  /** The candidate of the shadow mode. */
  readonly shadow: CandidatePolicy;
  /** When it was loaded, in milliseconds since the epoch. */
  readonly loadedAt: number;
}
