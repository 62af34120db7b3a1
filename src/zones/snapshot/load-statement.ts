import type { JWK } from 'jose';
import type { ClaimsOfScopes } from '../../mandates/scope-claims.js';
import type { ZoneAlg } from '../../oauth/algorithms.js';
import type { ListedPolicySet } from '../../policy/listed-set.js';
import type { TrustedIssuer } from '../issuers/trusted-issuer.js';
import type { Away } from '../../oauth/away.js';
import type { IntrospectionAudit } from '../zone.entity.js';
import type { StoredFormerIssuer, StoredIssuer } from '../zone-issuer.js';
import type { StoredTerms } from '../step-up-terms.js';
import type { ResourceView } from './zone-snapshot.js';

/** A signing key as `settings_of_zone` gives it: bytes in base64, times in milliseconds since the epoch. */
export interface StoredKey {
  readonly kid: string;
  readonly alg: ZoneAlg;
  readonly publicJwk: JWK;
  readonly sealedPrivateKey: string | null;
  readonly sealedSignerHandle: string | null;
  readonly publishedAt: number;
  readonly activatesAt: number;
  readonly retiresAt: number | null;
  readonly expiresAt: number | null;
  readonly compromisedAt: number | null;
}

/** What is set of a zone itself. */
export interface OwnSettings extends StoredIssuer, StoredFormerIssuer {
  readonly defaultResources: readonly string[];
  readonly introspectionAudit: IntrospectionAudit;
  readonly generation: number;
  readonly subjectGenerations: boolean;
  readonly withdrawnPolicies: readonly string[];
  /** Why it is not served here; `null` where it is. */
  readonly away: Away | null;
  readonly scopeClaims: ClaimsOfScopes;
}

/** The row that {@link LOAD} gives. */
export interface ZoneRow {
  readonly version: string;
  readonly standard: ZoneAlg;
  readonly bridge: ZoneAlg | null;
  readonly sealedDigestKey: Buffer;
  readonly resources: readonly ResourceView[];
  readonly issuers: readonly TrustedIssuer[];
  readonly stepUpTypes: readonly (StoredTerms & { readonly type: string })[];
  readonly signingKeys: readonly StoredKey[];
  /** `null` where none is active. */
  readonly policy: ListedPolicySet | null;
  readonly shadow: ListedPolicySet | null;
  readonly own: OwnSettings;
}

/** Reads the settings of a zone: one row, or none. */
export const LOAD = `
  SELECT version, standard, bridge, sealed_digest_key AS "sealedDigestKey", resources, issuers,
         step_up_types AS "stepUpTypes", signing_keys AS "signingKeys", policy, shadow, own
    FROM settings_of_zone($1)`;
