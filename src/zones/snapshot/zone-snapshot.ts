import type { AssertingClient } from '../clients/asserting-client.js';
import type { SecretRecord } from '../clients/secret.js';
import type { TrustedIssuer } from '../issuers/trusted-issuer.js';
import type { KeyRing } from '../../keys/signing/key-ring.js';
import type { ZoneAlg } from '../../oauth/algorithms.js';
import type { ActivePolicy, CandidatePolicy } from '../../policy/policy-sets.service.js';
import type { DeclaredOperation } from '../resource.entity.js';
import type { StepUpTerms } from '../step-up-terms.js';

/** A client as a request sees it. */
export interface ClientView extends AssertingClient {
  readonly labels: readonly string[];
  readonly groups: readonly string[];
  readonly authMethods: readonly string[];
  readonly registrationMethod: string;
  readonly disabled: boolean;
  /** Unrevoked ones; they may have expired. */
  readonly secrets: readonly SecretRecord[];
}

/** A resource as a request sees it. */
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

/** What a zone looks like at one version. Immutable; everything that a decision needs is in it. */
export interface ZoneSnapshot {
  readonly zoneId: string;
  /** The version that the ledger compares. */
  readonly version: string;
  readonly clients: ReadonlyMap<string, ClientView>;
  /** By identifier. */
  readonly resources: ReadonlyMap<string, ResourceView>;
  /** Whose tokens the zone believes beside its own, by `iss`. */
  readonly issuers: ReadonlyMap<string, TrustedIssuer>;
  /** The types of challenge that the zone has terms of its own for. */
  readonly stepUpTypes: ReadonlyMap<string, StepUpTerms>;
  /** The key that client secrets are digested with. */
  readonly digestKey: Buffer;
  readonly keys: KeyRing;
  /** What decides. */
  readonly policy: ActivePolicy;
  /** What is tried beside it. */
  readonly shadow: CandidatePolicy;
  /** Milliseconds since the epoch. */
  readonly loadedAt: number;
}
