import { LRUCache } from 'lru-cache';
import { atMost } from '../../platform/at-most.js';

/** Milliseconds of rest after the first failure; each further one doubles it. */
const FIRST_REST_MS = 250;
/** The longest rest after failures. */
const MAX_REST_MS = 10_000;
/** Milliseconds from which on a load counts as heavy. */
const HEAVY_MS = 500;
/** The longest rest after a load that was heavy. */
const MAX_HEAVY_REST_MS = 30_000;

interface Rest {
  /** Failures without a success in between. */
  readonly failures: number;
  /** When the zone may be loaded again after a failure, in milliseconds since the epoch. */
  readonly failedUntil: number;
  /** The same after a heavy load. */
  readonly heavyUntil: number;
}

const NONE: Rest = { failures: 0, failedUntil: 0, heavyUntil: 0 };

/**
 * The zones that are not to be loaded for a while, since that has failed or was heavy. Requests for such a
 * zone are refused at once, so that no caller can make a replica try again and again by asking.
 */
export class LoadRests {
  private readonly rests: LRUCache<string, Rest>;

  /** @param max the most zones that are remembered */
  constructor(max: number) {
    this.rests = new LRUCache(atMost(max));
  }

  /** Milliseconds until a zone may be loaded; 0 if it may now. @param now milliseconds since the epoch */
  left(zoneId: string, now: number): number {
    const { failedUntil, heavyUntil } = this.of(zoneId);
    // A clock that went back makes no rest longer than it may be.
    const failed = Math.min(failedUntil - now, MAX_REST_MS);
    return Math.max(0, failed, Math.min(heavyUntil - now, MAX_HEAVY_REST_MS));
  }

  /** A load has failed. */
  failed(zoneId: string, now: number): void {
    const rest = this.of(zoneId);
    const failedUntil = now + Math.min(FIRST_REST_MS * 2 ** rest.failures, MAX_REST_MS);
    this.rests.set(zoneId, { ...rest, failures: Math.min(rest.failures + 1, 10), failedUntil });
  }

  /** A load has succeeded. A rest because it was heavy goes on. */
  succeeded(zoneId: string): void {
    const { failures, heavyUntil } = this.of(zoneId);
    if (failures > 0) this.rests.set(zoneId, { ...NONE, heavyUntil });
  }

  /** A load has taken so long. If that was much, the zone rests for as long again: others get half of the time. */
  took(zoneId: string, tookMs: number, now: number): void {
    if (tookMs < HEAVY_MS) return;
    const heavyUntil = now + Math.min(tookMs, MAX_HEAVY_REST_MS);
    this.rests.set(zoneId, { ...this.of(zoneId), heavyUntil });
  }

  /** An operator has changed the zone: what was wrong with it may be mended. If not, it rests the longer. */
  changed(zoneId: string): void {
    const rest = this.rests.peek(zoneId);
    if (rest !== undefined) this.rests.set(zoneId, { ...rest, failedUntil: 0 });
  }

  /** Whatever has failed may work again by now. */
  clear(): void {
    this.rests.clear();
  }

  private of(zoneId: string): Rest {
    return this.rests.get(zoneId) ?? NONE;
  }
}
