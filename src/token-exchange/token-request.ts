import type { AuthorizationDetail } from '../oauth/authorization-details/detail.js';
import type { ClientRequest } from '../authentication/client-request.js';

/** A request to the token endpoint as it came off the wire. */
export type TokenRequest = ClientRequest;

/** The successful answer (RFC 8693 2.2.1). */
export interface TokenResponse {
  /** The mandate. */
  readonly access_token: string;
  /** What kind of token it is (RFC 8693 3). */
  readonly issued_token_type: string;
  readonly token_type: 'Bearer';
  /** Seconds. */
  readonly expires_in: number;
  /** What it allows, separated by spaces. */
  readonly scope: string;
  /** What exactly is granted (RFC 9396 7); absent where the scope says all. */
  readonly authorization_details?: readonly AuthorizationDetail[];
  /** The resources that it is for. */
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
