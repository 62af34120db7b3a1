import { GRANT_TYPES } from '../../oauth/vocabulary.js';
import type { PublicJwks } from '../../zones/issuers/jwks.js';
import type { ClientView } from '../clients/client-view.js';

/** A client, as Shyntr shows it. */
export interface TenantClientView {
  readonly client_id: string;
  readonly tenant_id: string;
  readonly name: string;
  /** What operators call the application elsewhere; empty if nothing. */
  readonly app_id: string;
  /** The secret where it was just drawn, otherwise asterisks; absent for a client that has none. */
  readonly client_secret?: string;
  readonly redirect_uris: readonly string[];
  readonly grant_types: readonly string[];
  readonly response_types: readonly string[];
  readonly response_modes: readonly string[];
  /** All scopes that it may be granted; empty for no such limit. */
  readonly scopes: readonly string[];
  /** All resources that it may have mandates for; empty for no such limit. */
  readonly audience: readonly string[];
  readonly public: false;
  readonly token_endpoint_auth_method: string;
  readonly enforce_pkce: false;
  readonly allowed_cors_origins: readonly string[];
  readonly post_logout_redirect_uris: readonly string[];
  /** How long its mandates live at most, such as `600s`; absent for what everybody gets. */
  readonly access_token_lifespan?: string;
  readonly subject_type: 'public';
  readonly jwks?: PublicJwks;
  readonly jwks_uri?: string;
  readonly created_at: Date;
  readonly updated_at: Date;
}

/** What stands for a secret that is not shown. */
export const MASK = '*****';

/** Methods by which a client has a secret. */
const WITH_SECRET = ['client_secret_basic', 'client_secret_post'];

/** Shows a client. @param secret the secret, if it was just drawn */
export function toTenantClient(
  tenantId: string,
  client: ClientView,
  secret?: string,
): TenantClientView {
  const [method = ''] = client.auth_methods;
  const { access_token_lifespan: lifespan, jwks, jwks_uri: uri } = client;
  const hasSecret = client.auth_methods.some((each) => WITH_SECRET.includes(each));
  return {
    client_id: client.id,
    tenant_id: tenantId,
    name: client.name,
    app_id: client.app_id ?? '',
    ...(hasSecret ? { client_secret: secret ?? MASK } : {}),
    redirect_uris: [],
    grant_types: GRANT_TYPES.toSorted(),
    response_types: [],
    response_modes: [],
    scopes: client.scopes ?? [],
    audience: client.audience ?? [],
    public: false,
    token_endpoint_auth_method: method,
    enforce_pkce: false,
    allowed_cors_origins: [],
    post_logout_redirect_uris: [],
    ...(lifespan === null ? {} : { access_token_lifespan: `${lifespan}s` }),
    subject_type: 'public',
    ...(jwks === undefined ? {} : { jwks }),
    ...(uri === undefined ? {} : { jwks_uri: uri }),
    created_at: client.created_at,
    updated_at: client.updated_at,
  };
}
