const MINUTE = 60;
const HOUR = 60 * MINUTE;

/** Seconds to wait after each attempt that failed; after the last attempt it is given up. */
const DELAYS = [5, 30, 2 * MINUTE, 10 * MINUTE, HOUR, 3 * HOUR, 8 * HOUR];

/** The number of attempts. */
export const MAX_ATTEMPTS = DELAYS.length + 1;

/**
 * The wait after an attempt that failed: longer each time, and never all at the same moment.
 *
 * @param attempts how many there have been, from 1
 * @param random from 0 up to 1
 * @returns seconds; `null` if that was the last one
 */
export function delayAfter(attempts: number, random: number): number | null {
  const delay = DELAYS[attempts - 1];
  return delay === undefined ? null : delay * (0.8 + random * 0.4);
}
