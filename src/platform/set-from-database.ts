import { setTimeout as sleep } from 'node:timers/promises';
import type { Gauge } from 'prom-client';

/** Milliseconds that a figure may take which the database has. */
const ANSWER_MS = 1_000;

/** Questions without an answer yet, by whose they are. Each has a connection or waits for one: no second one is asked meanwhile. */
const asked = new WeakMap<Gauge, Promise<number | null>>();

/**
 * Sets a gauge without labels to a figure that the database has. Figures are there also while the database is not, or
 * does not answer: then this one is absent.
 *
 * @param ask its answer is the figure; `null` if there is none
 */
export async function setFromDatabase(
  gauge: Gauge,
  ask: () => Promise<number | null>,
): Promise<void> {
  const waited = new AbortController();
  const tooLate = sleep(ANSWER_MS, null, { signal: waited.signal }).catch(() => null);
  const answer = asked.get(gauge) ?? ask().finally(() => asked.delete(gauge));
  asked.set(gauge, answer);
  const figure = await Promise.race([answer, tooLate]).catch(() => null);
  waited.abort();
  if (figure === null) gauge.remove();
  else gauge.set(figure);
}
