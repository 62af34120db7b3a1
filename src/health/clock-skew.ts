/** One look at another clock. All in milliseconds since the epoch. */
export interface ClockReading {
  /** Ours, before the other was asked. */
  readonly before: number;
  /** The other's. */
  readonly theirs: number;
  /** Ours, when the answer had come. */
  readonly after: number;
}

/**
 * How far apart two clocks are for certain, in milliseconds. The other was read at some moment of
 * the round trip, so up to half of it may be no difference at all.
 */
export function clockSkew({ before, theirs, after }: ClockReading): number {
  const uncertainty = Math.abs(after - before) / 2;
  return Math.max(0, Math.abs(theirs - (before + after) / 2) - uncertainty);
}
