import type { Decided, Outcome, Stale } from './outcome.js';

/** Milliseconds after which a zone that keeps changing is given up; the answer has to be there in time. */
const PERSISTENCE_MS = 1_000;
/**
 * The evaluations that a request has at least. One may have waited for something, such as the zone to be loaded,
 * for longer than that: then it met one change, and not a zone that keeps changing.
 */
const EVALUATIONS = 3;

/**
 * Evaluates on what is in memory, and if that turns out to be old, again on what is true now.
 *
 * @param now the clock, in milliseconds
 * @returns the last outcome: `stale` if the zone kept changing
 */
export async function untilCurrent(
  evaluate: () => Promise<Outcome>,
  now: () => number,
): Promise<Decided | Stale> {
  const giveUpAt = now() + PERSISTENCE_MS;
  for (let count = 1; ; count += 1) {
    // oxlint-disable-next-line no-await-in-loop -- each rests on what the one before found out
    const outcome = await evaluate();
    if (outcome.status !== 'stale') return outcome;
    if (count >= EVALUATIONS && now() > giveUpAt) return outcome;
  }
}
