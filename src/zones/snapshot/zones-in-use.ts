import { LRUCache } from 'lru-cache';

/** A zone that nobody asked for during so many milliseconds is not in use any more. */
const IN_USE_MS = 5 * 60_000;

/** Which zones are asked for at this replica, and which of these cannot be opened. */
export class ZonesInUse {
  /** When each was asked for last, in milliseconds since the epoch. */
  private readonly usedAt: LRUCache<string, number>;
  private readonly unopened: LRUCache<string, true>;

  constructor(max: number) {
    this.usedAt = new LRUCache({ max });
    this.unopened = new LRUCache({ max });
  }

  /** A zone that exists was asked for. */
  touch(zoneId: string, now: number): void {
    this.usedAt.set(zoneId, now);
  }

  /** Whether anybody ever asked for a zone, as far as that is remembered. */
  has(zoneId: string): boolean {
    return this.usedAt.has(zoneId);
  }

  /** Whether a zone could be opened: its keys, that is, since all else can be read. */
  recordOpened(zoneId: string, isOpen: boolean): void {
    if (isOpen) this.unopened.delete(zoneId);
    else this.unopened.set(zoneId, true);
  }

  /** Zones that were asked for in the last minutes, and whether they could be opened. */
  recent(now: number): { readonly zoneId: string; readonly opened: boolean }[] {
    return [...this.usedAt.entries()]
      .filter(([, at]) => now - at < IN_USE_MS)
      .map(([zoneId]) => ({ zoneId, opened: !this.unopened.has(zoneId) }));
  }
}
