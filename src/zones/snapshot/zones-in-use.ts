import { LRUCache } from 'lru-cache';
import { atMost } from '../../platform/at-most.js';

/** Milliseconds after its last request at which a zone is not in use any more. */
const IN_USE_MS = 5 * 60_000;

/** The zones that requests to this replica use, and which of them cannot be opened. */
export class ZonesInUse {
  /** The last request for each zone, in milliseconds since the epoch. */
  private readonly usedAt: LRUCache<string, number>;
  private readonly unopened: LRUCache<string, true>;

  /** @param max the most zones that are remembered */
  constructor(max: number) {
    this.usedAt = new LRUCache(atMost(max));
    this.unopened = new LRUCache(atMost(max));
  }

  /** Records a request for a zone that exists. @param now milliseconds since the epoch */
  touch(zoneId: string, now: number): void {
    this.usedAt.set(zoneId, now);
  }

  /** Whether there was a request for a zone, however long ago, as far as that is remembered. */
  has(zoneId: string): boolean {
    return this.usedAt.has(zoneId);
  }

  /** Records whether a zone could be opened: its keys, since all else can be read. */
  recordOpened(zoneId: string, isOpen: boolean): void {
    if (isOpen) this.unopened.delete(zoneId);
    else this.unopened.set(zoneId, true);
  }

  /** The zones of the last five minutes, and whether they could be opened. */
  recent(now: number): { readonly zoneId: string; readonly opened: boolean }[] {
    return [...this.usedAt.entries()]
      .filter(([, at]) => now - at < IN_USE_MS)
      .map(([zoneId]) => ({ zoneId, opened: !this.unopened.has(zoneId) }));
  }
}
