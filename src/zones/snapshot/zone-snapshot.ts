import type { TrustedIssuer } from '../issuers/trusted-issuer.js';
import type { ClaimsOfScopes } from '../../mandates/scope-claims.js';
import type { KeyRing } from '../../keys/signing/key-ring.js';
import type { MandateTyp } from '../../oauth/vocabulary.js';
import type { ZoneAlg } from '../../oauth/algorithms.js';
import type { DetailType } from '../../oauth/authorization-details/detail-type.js';
import type { ActivePolicy, CandidatePolicy } from '../../policy/policy-sets.service.js';
import type { DeclaredOperation, RevocationChannel } from '../resource.entity.js';
import type { FormerIssuer } from '../zone-issuer.js';
import type { IntrospectionAudit } from '../zone.entity.js';
import type { StepUpTerms } from '../step-up-terms.js';

/** A resource in a snapshot. */
export interface ResourceView {
  readonly id: string;
  readonly identifier: string;
  readonly scopes: readonly string[];
  /** The types of authorization details that it declares. */
  readonly detailTypes: readonly DetailType[];
  readonly access: 'direct' | 'gateway';
  readonly upstreamUrl: string | null;
  readonly ownerClientId: string | null;
  readonly operations: readonly DeclaredOperation[];
  readonly signingAlg: ZoneAlg | null;
  /** The `typ` of mandates for it. */
  readonly tokenTyp: MandateTyp;
  /** Counts how often all mandates for it were taken back. */
  readonly generation: number;
  /** How its verifiers learn that a mandate was taken back; `null` where that was not said. */
  readonly revocation: RevocationChannel | null;
  /** Whether the metadata of the zone names it. */
  readonly listed: boolean;
  /** The clients that may introspect mandates for it, beside its owner; those that were removed are nobody. */
  readonly introspectionClientIds: readonly string[];
}

/** The identifiers of what every zone has, beside the resources that operators register: places of our own. */
export interface SystemResources {
  /** By identifier. */
  readonly all: ReadonlyMap<string, ResourceView>;
  /** Where receivers manage their streams (OpenID SSF 1.0 8). */
  readonly ssf: string;
}

/** The settings of a zone at one version: all that a decision needs but its clients. Immutable. */
export interface ZoneSnapshot {
  readonly zoneId: string;
  /** The version of the settings, which the ledger compares. */
  readonly version: string;
  /** The `iss` of its mandates. */
  readonly issuer: string;
  /** Where its endpoints are, without a trailing slash. */
  readonly zoneUrl: string;
  /** The issuer before the last change of it, whose tokens are accepted for a while and never minted. */
  readonly formerIssuer: FormerIssuer | null;
  /** By identifier. */
  readonly resources: ReadonlyMap<string, ResourceView>;
  /** The claims of their subjects that scopes let into mandates; of scopes that are in use, and have some. */
  readonly scopeClaims: ClaimsOfScopes;
  /** Which introspections are recorded. */
  readonly introspectionAudit: IntrospectionAudit;
  /** What every zone has beside these. */
  readonly systemResources: SystemResources;
  /** The longest life of mandates for resources with `revocation: expiry`, in seconds. */
  readonly expiryOnlySeconds: number;
  /** Identifiers that a request is for which names no resource, unless its client has some of its own (RFC 8707 2). */
  readonly defaultResources: readonly string[];
  /** Counts how often all that the zone has issued was taken back. */
  readonly generation: number;
  /** Whether a subject was ever taken back: only then there is anything to ask about subjects. */
  readonly hasSubjectGenerations: boolean;
  /** The policy sets whose mandates are taken back, as `pol` names them. */
  readonly withdrawnPolicies: ReadonlySet<string>;
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
  /** About how many bytes of memory it takes, without its policy sets. */
  readonly weight: number;
}
