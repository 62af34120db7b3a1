/** Requests for one run. */
export interface Prepared {
  readonly requests: readonly Buffer[];
  /** Whether the same ones may be sent again. */
  readonly repeat: boolean;
}

/** One request that may be sent again and again. */
export const always = (request: Buffer): Prepared => ({ requests: [request], repeat: true });

/** As many as will certainly do: requests that are good for one use. */
export const once = (requests: readonly Buffer[]): Prepared => ({ requests, repeat: false });
