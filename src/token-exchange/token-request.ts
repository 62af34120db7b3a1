import type { ClientRequest } from '../authentication/client-request.js';

/** A request to the token endpoint as it came off the wire. */
export type TokenRequest = ClientRequest;

/** The successful answer (RFC 8693 2.2.1). */
export interface TokenResponse {
  readonly access_token: string;
  readonly issued_token_type: string;
  readonly token_type: 'Bearer';
  readonly expires_in: number;
  readonly scope: string;
  readonly target_resources: readonly string[];
  /** Where a gateway finds the resources, by identifier. */
  readonly upstreams?: Readonly<Record<string, Upstream>>;
}

/** Where and how a gateway passes a mandate on. */
export interface Upstream {
  readonly url: string;
  readonly auth_mode: 'caracal_jwt';
  readonly auth_header: 'Authorization';
  readonly auth_scheme: 'Bearer';
}
