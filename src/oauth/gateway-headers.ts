/** The signature headers of a gateway's request, as received. */
export interface GatewayHeaders {
  /** Seconds since the epoch. */
  readonly timestamp: string | null;
  /** The id of the request, a nonce. */
  readonly request: string | null;
  /** Hex HMAC-SHA-256. */
  readonly signature: string | null;
  /** `X-Request-Id`, which must equal {@link request} if it is there. */
  readonly requestId: string | null;
}
