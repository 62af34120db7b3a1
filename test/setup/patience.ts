import { until } from './process.js';

/**
 * Asks again as long as the answer is "not now" (503), as the server asks of its callers.
 *
 * The server gives up what takes too long, and on a machine that does something else as well much may: for
 * tests of what comes out in the end, not of when.
 */
export async function persistently<T extends { readonly status: number | null }>(
  ask: () => Promise<T>,
): Promise<T> {
  return until(async () => {
    const answer = await ask();
    return answer.status === 503 ? null : answer;
  });
}
