import { LRUCache } from 'lru-cache';
import type { TakenScan } from './scan.js';

/** How often in a row a scan may stop at the same place of the log, for a reason that says nothing about what it scans. */
export const MAX_ATTEMPTS = 6;
/** Seconds until the next attempt: twice as many each time. */
const FIRST_WAIT = 5;
const LONGEST_WAIT = 60;
/** Scans of which it is known that they have stopped. One that is forgotten is tried more often. */
const MAX_KNOWN = 1_000;

/** How often scans have stopped in this process, so that none is tried for ever. */
export class FailedAttempts {
  private readonly known = new LRUCache<
    string,
    { readonly at: string | null; readonly count: number }
  >({
    max: MAX_KNOWN,
  });

  /**
   * Counts that a scan has stopped.
   *
   * @returns seconds until it is to be tried again; `null` if it is not
   */
  next({ id, cursorId: at }: Pick<TakenScan, 'id' | 'cursorId'>): number | null {
    const before = this.known.get(id);
    const count = (before?.at === at ? before.count : 0) + 1;
    if (count >= MAX_ATTEMPTS) {
      this.known.delete(id);
      return null;
    }
    this.known.set(id, { at, count });
    return Math.min(FIRST_WAIT * 2 ** (count - 1), LONGEST_WAIT);
  }
}
