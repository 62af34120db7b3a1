import type { DescribedZone } from '../../platform/http/endpoint-metadata.js';
import { languagesOf } from '../../zones/languages.js';
import { issuerOf } from '../../zones/zone-issuer.js';
import { MAX_LISTED, type ResourceFacts, type ZoneFacts } from './zone-facts.js';

/** The members of a document, without those that sign it. */
export type Members = Readonly<Record<string, unknown>>;

/** The zone, as far as endpoints describe themselves by it. */
export function describedZone(facts: ZoneFacts): DescribedZone {
  const { standard, bridge, resourceAlgs, languages } = facts;
  const algs = [standard, bridge, ...resourceAlgs].filter((alg) => alg !== null);
  return {
    signingAlgs: [...new Set(algs)].toSorted(),
    languages: languagesOf(languages),
  };
}

/**
 * The authorization server metadata of a zone (RFC 8414 2, RFC 9396 10).
 *
 * @param ofEndpoints what its endpoints say of themselves
 * @param issuer by which it was found
 */
export function serverMetadata(facts: ZoneFacts, ofEndpoints: Members, issuer: string): Members {
  return {
    issuer,
    ...ofEndpoints,
    ...whole('scopes_supported', withoutRefresh(facts.scopes)),
    ...whole('claims_supported', facts.claims),
    ...whole('authorization_details_types_supported', facts.detailTypes),
    ...whole('protected_resources', facts.listed),
  };
}

/**
 * The metadata of the issuer that zones share (RFC 8414 2): what is so for each of them. Keys are not: those are a zone's.
 *
 * @param ofEndpoints what the endpoints without a zone say of themselves
 */
export function sharedMetadata(ofEndpoints: Members, installation: string): Members {
  return { issuer: installation, ...ofEndpoints };
}

/**
 * The members that OpenID Connect Discovery 3 requires beyond. No ID token is issued: what reads these are verifiers of
 * any JWT, such as Kubernetes and clouds, which find keys by this document and by no other.
 */
export function openidMembers(zone: DescribedZone): Members {
  return {
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: zone.signingAlgs,
  };
}

/**
 * The protected resource metadata of a resource (RFC 9728 2). What it signs its answers with is not known here, so
 * nothing is said of that; mandates are bound to no key.
 */
export function resourceMetadata(facts: ResourceFacts, installation: string): Members {
  return {
    resource: facts.identifier,
    authorization_servers: [issuerOf(facts.zoneId, facts, installation)],
    ...whole('scopes_supported', withoutRefresh(facts.scopes)),
    ...whole('authorization_details_types_supported', facts.detailTypes),
    bearer_methods_supported: ['header'],
    tls_client_certificate_bound_access_tokens: false,
    dpop_bound_access_tokens_required: false,
    revocation: facts.revocation ?? 'expiry',
  };
}

/** No resource has the scope that asks for a refresh token (OpenID Connect Core 11), whatever it calls its own. */
function withoutRefresh(scopes: readonly string[]): readonly string[] {
  return scopes.filter((scope) => scope !== 'offline_access');
}

/** A list, if it is whole, and not empty (RFC 8414 3.2). */
function whole(name: string, list: readonly string[]): Members {
  return list.length === 0 || list.length > MAX_LISTED ? {} : { [name]: list };
}
