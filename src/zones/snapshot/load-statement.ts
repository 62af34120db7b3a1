import type { JWK } from 'jose';
import type { ZoneAlg } from '../../oauth/algorithms.js';
import { listedSet, type ListedPolicySet } from '../../policy/listed-set.js';
import type { TrustedIssuer } from '../issuers/trusted-issuer.js';
import type { StoredTerms } from '../step-up-terms.js';
import type { ResourceView } from './zone-snapshot.js';

/** A signing key as {@link LOAD} gives it: bytes in base64, times in milliseconds since the epoch. */
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
}

const list = (item: string, from: string, order = ''): string =>
  `coalesce((SELECT json_agg(${item}${order}) FROM ${from} AS t WHERE t.zone_id = z.id), '[]')`;

/** Milliseconds since the epoch. They are rounded as a `Date` of the driver is. */
const time = (column: string): string => `floor(extract(epoch FROM ${column}) * 1000)`;

// Of keys that were published long ago nothing is needed any more, and there may be many.
const KEYS = `coalesce((
  SELECT json_agg(json_build_object(
           'kid', t.kid, 'alg', t.alg, 'publicJwk', t.public_jwk,
           'sealedPrivateKey', encode(t.sealed_private_key, 'base64'),
           'sealedSignerHandle', encode(t.sealed_signer_handle, 'base64'),
           'publishedAt', ${time('t.published_at')}, 'activatesAt', ${time('t.activates_at')},
           'retiresAt', ${time('t.retires_at')}, 'expiresAt', ${time('t.expires_at')},
           'compromisedAt', ${time('t.compromised_at')}))
    FROM signing_keys AS t
   WHERE t.zone_id = z.id AND t.compromised_at IS NULL
     AND (t.expires_at IS NULL OR t.expires_at > clock_timestamp() - interval '1 day')), '[]')`;

/** Reads the settings of a zone: one row, or none. */
export const LOAD = `
  SELECT z.settings_version::text AS version, z.signing_alg AS standard, z.previous_signing_alg AS bridge,
         z.sealed_digest_key AS "sealedDigestKey",
         ${list(
           `json_build_object('id', t.id, 'identifier', t.identifier, 'scopes', t.scopes, 'access', t.access,
             'upstreamUrl', t.upstream_url, 'ownerClientId', t.owner_client_id, 'operations', t.operations,
             'signingAlg', t.signing_alg)`,
           'resources',
         )} AS resources,
         ${list(
           `json_build_object('issuer', t.issuer, 'jwks', t.jwks, 'jwksUri', t.jwks_uri, 'audiences', t.audiences,
             'algorithms', t.algorithms, 'tokenTypes', t.token_types, 'claimConditions', t.claim_conditions,
             'subjectClaim', t.subject_claim, 'labelClaims', t.label_claims,
             'allowedClientIds', t.allowed_client_ids, 'maxAgeSeconds', t.max_age_seconds)`,
           'trusted_issuers',
         )} AS issuers,
         ${list(
           `json_build_object('type', t.type, 'lifetimeSeconds', t.lifetime_seconds, 'satisfiedBy', t.satisfied_by,
             'quorum', t.quorum, 'requesterMaySatisfy', t.requester_may_satisfy,
             'subjectMaySatisfy', t.subject_may_satisfy, 'subjectMustSatisfy', t.subject_must_satisfy,
             'acr', t.acr, 'reuseSeconds', t.reuse_seconds)`,
           'step_up_types',
           ' ORDER BY t.type',
         )} AS "stepUpTypes",
         ${KEYS} AS "signingKeys",
         ${listedSet('z.id', 'z.active_policy_set_version_id')} AS policy,
         ${listedSet('z.id', 'z.shadow_policy_set_version_id')} AS shadow
    FROM zones z WHERE z.id = $1 AND z.removed_at IS NULL`;
