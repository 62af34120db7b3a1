/** One reading of another clock over the network. All in milliseconds since the epoch. */
export interface ClockReading {
  /** Our clock before the request. */
  readonly before: number;
  /** The other clock. */
  readonly theirs: number;
  /** Our clock after the answer. */
  readonly after: number;
}

/**
 * The least difference of two clocks, in milliseconds. The other was read at some moment of the round
 * trip, so up to half of that may be no difference.
 */
export function clockSkew({ before, theirs, after }: ClockReading): number {
  const uncertainty = Math.abs(after - before) / 2;
  return Math.max(0, Math.abs(theirs - (before + after) / 2) - uncertainty);
}
