/** The only reader of the process's clock, so that tests and the skew check have one place to look. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
}

/** The clock of this machine. Readiness compares it with the database's. */
export const systemClock: Clock = { now: () => Date.now() };

/** Nest's token for the {@link Clock}. */
export const CLOCK = Symbol('Clock');

/**
 * An instant as the timestamp columns want it.
 *
 * @param ms milliseconds since the epoch
 */
export function instant(ms: number): Date {
  return new Date(ms);
}
