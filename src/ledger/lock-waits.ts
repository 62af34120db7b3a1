import { setTimeout as sleep } from 'node:timers/promises';

/** Bounds of {@link LockWaits}. */
export interface LockWaitLimits {
  /** Milliseconds before each attempt; after the last one it is given up. */
  readonly pausesMs: readonly number[];
  /** How many of the attempts count against no zone: a lock that is gone by then was that of another commit. */
  readonly uncounted: number;
  /** The most that may wait in one zone after those; more are given up at once. */
  readonly maxOfZone: number;
}

/** Thrown for an entry that needs what another transaction holds for too long, or too many wait for. */
export class LockHeld extends Error {
  override readonly name = 'LockHeld';
}

/**
 * Tries again what met a lock, until the lock is gone or the time is up. Nothing waits in the database meanwhile, so
 * what waits for one lock delays nothing that waits for another, or for none.
 */
export class LockWaits {
  private readonly waiting = new Map<string, number>();

  constructor(private readonly limits: LockWaitLimits) {}

  /**
   * @param zoneId the zone that it counts against
   * @param attempt tries once; `null` means that another transaction still holds something
   * @throws {LockHeld} and what `attempt` throws
   */
  async insist<R>(zoneId: string, attempt: () => Promise<R | null>): Promise<R> {
    const { pausesMs, uncounted } = this.limits;
    const result =
      (await tryAfter(pausesMs.slice(0, uncounted), attempt)) ??
      (await this.counted(zoneId, () => tryAfter(pausesMs.slice(uncounted), attempt)));
    if (result === null) throw new LockHeld('another transaction holds what it needs');
    return result;
  }

  private async counted<R>(zoneId: string, run: () => Promise<R>): Promise<R> {
    const before = this.waiting.get(zoneId) ?? 0;
    if (before >= this.limits.maxOfZone) {
      throw new LockHeld('too many wait for what another transaction holds in the zone');
    }
    this.waiting.set(zoneId, before + 1);
    try {
      return await run();
    } finally {
      this.leave(zoneId);
    }
  }

  private leave(zoneId: string): void {
    const left = (this.waiting.get(zoneId) ?? 1) - 1;
    if (left === 0) this.waiting.delete(zoneId);
    else this.waiting.set(zoneId, left);
  }
}

/** Tries after each of the pauses, until there is a result. @returns `null` if there was none */
async function tryAfter<R>(
  pausesMs: readonly number[],
  attempt: () => Promise<R | null>,
): Promise<R | null> {
  for (const pause of pausesMs) {
    if (pause > 0) await sleep(pause);
    const result = await attempt();
    if (result !== null) return result;
  }
  return null;
}
