import type { GatewayHeaders } from '../oauth/gateway-headers.js';

/** A request to the token endpoint as it came off the wire. */
export interface TokenRequest {
  readonly requestId: string;
  /** The raw bytes of the body. */
  readonly body: Uint8Array;
  /** The values of the `Authorization` headers. */
  readonly authorization: readonly string[];
  /** Whether the URL had a query. */
  readonly hasQuery: boolean;
  /** As in the request line. */
  readonly method: string;
  /** The path of the URL, as it was sent. */
  readonly path: string;
  /** `null` if no header of a gateway's signature is there; any one of them makes it a gateway's. */
  readonly gateway: GatewayHeaders | null;
  /** The caller's address. */
  readonly source: string;
}

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
