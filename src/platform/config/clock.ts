/** The process's clock. Nothing else reads it, so that tests can replace it. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
}

/** The clock of this machine. Readiness compares it with the database's. */
export const systemClock: Clock = { now: () => Date.now() };

/** The injection token of the {@link Clock}. */
export const CLOCK = Symbol('Clock');

/**
 * The `Date` of a moment, for timestamp columns.
 *
 * @param ms milliseconds since the epoch
 */
export function instant(ms: number): Date {
  return new Date(ms);
}
