/**
 * Authorization server metadata (RFC 8414 2). What signs it, and what OpenID Connect Discovery asks for beyond, is there
 * where it is asked for by those who read that.
 */
export interface ServerMetadata {
  /** The `iss` of mandates. */
  readonly issuer: string;
  readonly token_endpoint: string;
  readonly authorization_endpoint: string;
  /** Not of the issuer that zones share: keys are a zone's. */
  readonly jwks_uri?: string;
  readonly introspection_endpoint: string;
  /** The same, as Ubisecure SSO calls it. */
  readonly tokeninfo_endpoint?: string;
  readonly revocation_endpoint: string;
  /** Where receipts of mandates are: `{receipts_endpoint}/{jti}`, or the mandate itself is posted to it. */
  readonly receipts_endpoint: string;
  readonly status_list_aggregation_endpoint?: string;
  /** The revocation feed of the zone. */
  readonly mandate_revocation_feed?: string;
  /** Seconds after which nobody honours what was taken back, by how verifiers learn of it. */
  readonly mandate_revocation_bound_seconds?: RevocationBoundsView;
  readonly grant_types_supported: readonly string[];
  readonly response_types_supported: readonly string[];
  readonly scopes_supported?: readonly string[];
  /** The claims of users that these let into mandates. */
  readonly claims_supported?: readonly string[];
  /** Resources that are listed (RFC 9728 4). */
  readonly protected_resources?: readonly string[];
  readonly authorization_details_types_supported?: readonly string[];
  /** The languages of the pages for people, the preferred one first. */
  readonly ui_locales_supported?: readonly string[];
  readonly resource_indicators_supported: boolean;
  readonly token_endpoint_auth_methods_supported: readonly string[];
  readonly token_endpoint_auth_signing_alg_values_supported: readonly string[];
  readonly introspection_endpoint_auth_methods_supported: readonly string[];
  readonly introspection_endpoint_auth_signing_alg_values_supported: readonly string[];
  readonly introspection_signing_alg_values_supported?: readonly string[];
  readonly revocation_endpoint_auth_methods_supported: readonly string[];
  readonly revocation_endpoint_auth_signing_alg_values_supported: readonly string[];
  /** Of OpenID Connect Discovery. */
  readonly subject_types_supported?: readonly string[];
  /** Of OpenID Connect Discovery: the algorithms of mandates, as no ID token is issued. */
  readonly id_token_signing_alg_values_supported?: readonly string[];
  /** All of this as a JWT of the zone (RFC 8414 2.1). */
  readonly signed_metadata?: string;
}

/** Seconds after which nobody honours what was taken back. */
export interface RevocationBoundsView {
  readonly introspection: number;
  readonly exchange: number;
  readonly status_list: number;
  readonly feed: number;
  readonly expiry: number;
}

/** Protected resource metadata (RFC 9728 2). */
export interface ResourceMetadata {
  readonly resource: string;
  readonly authorization_servers: readonly string[];
  readonly scopes_supported?: readonly string[];
  readonly authorization_details_types_supported?: readonly string[];
  readonly bearer_methods_supported: readonly string[];
  readonly tls_client_certificate_bound_access_tokens: boolean;
  readonly dpop_bound_access_tokens_required: boolean;
  /** How it learns that a mandate was taken back. */
  readonly revocation: 'introspect' | 'status_list' | 'feed' | 'expiry';
  /** All of this as a JWT of the zone (RFC 9728 2.2). */
  readonly signed_metadata?: string;
}
