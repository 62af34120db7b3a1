/** One look at another clock. All in milliseconds since the epoch. */
export interface ClockReading {
  /** Ours, before the other was asked. */
  readonly asked: number;
  /** The other's. */
  readonly told: number;
  /** Ours, when the answer had come. */
  readonly answered: number;
}

/**
 * How far apart two clocks are for certain, in milliseconds. The other was read at some moment of
 * the round trip, so up to half of it may be no difference at all.
 */
export function clockSkew({ asked, told, answered }: ClockReading): number {
  const uncertainty = Math.abs(answered - asked) / 2;
  return Math.max(0, Math.abs(told - (asked + answered) / 2) - uncertainty);
}
