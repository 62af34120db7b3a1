/** What a gateway sends along, as it came off the wire. */
export interface GatewayHeaders {
  /** Unix seconds. */
  readonly timestamp: string | null;
  /** Unique for each request. */
  readonly request: string | null;
  /** Hex HMAC-SHA-256. */
  readonly signature: string | null;
  /** `X-Request-Id`, which must be the same if it is there. */
  readonly requestId: string | null;
}
