/** A request to the token endpoint as it came off the wire. */
export interface TokenRequest {
  readonly requestId: string;
  /** The raw bytes of the body. */
  readonly body: Uint8Array;
  /** The values of the `Authorization` headers. */
  readonly authorization: readonly string[];
  /** Whether the URL had a query. */
  readonly hasQuery: boolean;
  /** Whether any header of a gateway's signature is there. */
  readonly hasGatewayHeaders: boolean;
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
}
