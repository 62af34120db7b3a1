import { LRUCache } from 'lru-cache';
import type { CompiledPolicySet } from '../../policy/engine/compile.js';
import type { ZoneSnapshot } from './zone-snapshot.js';

/** Bytes of memory that a compiled set takes for each byte of its text. */
const OF_POLICY_TEXT = 10;

/**
 * The snapshots in memory, within a budget of bytes: where it is exceeded, the zone goes that was used longest ago. Zones
 * with the same policies share one compiled set, which weighs once.
 */
export class SnapshotMemory {
  private readonly zones: LRUCache<string, ZoneSnapshot>;
  /** How many snapshots have each compiled set. */
  private readonly sharers = new Map<CompiledPolicySet, number>();
  private policyBytes = 0;

  /** @param budget bytes */
  constructor(private readonly budget: number) {
    this.zones = new LRUCache({
      maxSize: budget,
      sizeCalculation: ({ weight }) => Math.max(1, weight),
      dispose: (snapshot) => this.release(snapshot),
    });
  }

  /** Bytes that the snapshots take, estimated. */
  get bytes(): number {
    return this.zones.calculatedSize + this.policyBytes;
  }

  get size(): number {
    return this.zones.size;
  }

  get(zoneId: string): ZoneSnapshot | undefined {
    return this.zones.get(zoneId);
  }

  /** The same, without counting as a use. */
  peek(zoneId: string): ZoneSnapshot | undefined {
    return this.zones.peek(zoneId);
  }

  values(): Iterable<ZoneSnapshot> {
    return this.zones.values();
  }

  /** Remembers a snapshot, and forgets others for it. One that is larger than the budget alone is not remembered. */
  set(zoneId: string, snapshot: ZoneSnapshot): void {
    this.zones.delete(zoneId);
    const ofPolicies = setsOf(snapshot).reduce((sum, set) => sum + bytesOf(set), 0);
    // Those that are there would all go for it, and it as well.
    if (snapshot.weight + ofPolicies > this.budget) return;
    for (const set of setsOf(snapshot)) {
      const before = this.sharers.get(set) ?? 0;
      this.sharers.set(set, before + 1);
      if (before === 0) this.policyBytes += bytesOf(set);
    }
    this.zones.set(zoneId, snapshot);
    while (this.bytes > this.budget && this.zones.pop() !== undefined);
  }

  delete(zoneId: string): void {
    this.zones.delete(zoneId);
  }

  clear(): void {
    this.zones.clear();
  }

  private release(snapshot: ZoneSnapshot): void {
    for (const set of setsOf(snapshot)) {
      const left = (this.sharers.get(set) ?? 1) - 1;
      if (left > 0) {
        this.sharers.set(set, left);
      } else if (this.sharers.delete(set)) {
        this.policyBytes -= bytesOf(set);
      }
    }
  }
}

/** The set that decides. A candidate may be compiled later, and is kept by the policy room as well. */
function setsOf({ policy }: ZoneSnapshot): CompiledPolicySet[] {
  return policy.status === 'ready' ? [policy.compiled] : [];
}

function bytesOf({ textBytes }: CompiledPolicySet): number {
  return OF_POLICY_TEXT * textBytes;
}
