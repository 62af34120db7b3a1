import { LRUCache } from 'lru-cache';
import { atMost } from '../platform/at-most.js';
import { shareOf } from '../platform/workers/share.js';
import type { CompiledPolicySet } from './engine/compile.js';
import type { Verdict } from './engine/evaluate.js';
import { rationOf } from './ration.js';

/** How much is remembered, in bytes as {@link DecisionMemory} counts them. */
export interface MemoryLimits {
  /** Of one zone, while there is room. */
  readonly bytesOfZone: number;
  /** Of all zones together: beyond, those that have most give up some. */
  readonly bytes: number;
  /** Of one decision: a denial may have thousands of reasons. */
  readonly bytesOfDecision: number;
  /** The most zones of which something is remembered; each takes 2 kB beside its decisions. */
  readonly zones: number;
}

const LIMITS: MemoryLimits = {
  bytesOfZone: 4 * 1024 * 1024,
  bytes: 64 * 1024 * 1024,
  bytesOfDecision: 16 * 1024,
  zones: 10_000,
};

const LEAST_ZONES = 1_000;

/** The limits of one worker of several, which have the memory of one together. */
export function memoryLimits(workers: number): MemoryLimits {
  const { bytesOfZone, bytes, zones } = LIMITS;
  return {
    ...LIMITS,
    bytes: shareOf(bytes, workers, bytesOfZone),
    zones: shareOf(zones, workers, LEAST_ZONES),
  };
}

/** Bytes of a decision beside its texts: the objects, and its place in the cache. It bounds their number, too. */
const OVERHEAD = 256;

/** The part of all bytes that is made free at once, so that room is seldom looked for. */
const FREED = 1 / 16;

/** What is remembered of one zone: decisions of one policy set, recalled longest ago last. */
interface ZoneMemory {
  readonly manifestSha256: string;
  readonly verdicts: LRUCache<string, Verdict>;
}

/**
 * The decisions of zones, by the set that made them and what they depend on (`Inquiry.key`). A set never changes, so a
 * decision is never old; what is remembered of a zone ends with its set. No zone sees or pushes out what is another's.
 */
export class DecisionMemory {
  /** Asked longest ago last. */
  private readonly zones: LRUCache<string, ZoneMemory>;
  /** Numbers instead of the sets themselves, which are large: so these are freed when nobody else has them. */
  private readonly numbers = new WeakMap<CompiledPolicySet, number>();
  private readonly distrusted = new WeakSet<CompiledPolicySet>();
  private count = 0;
  private total = 0;

  constructor(private readonly limits: MemoryLimits) {
    this.zones = new LRUCache({
      ...atMost(limits.zones),
      dispose: ({ verdicts }) => {
        this.total -= verdicts.calculatedSize;
        verdicts.clear();
      },
    });
  }

  /** Bytes that are remembered of all zones. */
  get bytes(): number {
    return this.total;
  }

  /** The decision of a zone's set that has this key. */
  recall(zoneId: string, set: CompiledPolicySet, key: string): Verdict | undefined {
    const zone = this.zones.get(zoneId);
    if (zone?.manifestSha256 !== set.manifestSha256) return undefined;
    return zone.verdicts.get(this.nameOf(set, key));
  }

  /** Remembers a complete decision, and makes it immutable, since all who recall it share it. */
  remember(zoneId: string, set: CompiledPolicySet, key: string, verdict: Verdict): void {
    if (verdict.evaluationStatus !== 'complete' || this.distrusted.has(set)) return;
    const name = this.nameOf(set, key);
    const size = OVERHEAD + 2 * (name.length + JSON.stringify(verdict).length);
    if (size > this.limits.bytesOfDecision) return;
    const { verdicts } = this.memoryOf(zoneId, set);
    const before = verdicts.calculatedSize;
    verdicts.set(name, frozen(verdict), { size });
    this.total += verdicts.calculatedSize - before;
    if (this.total > this.limits.bytes) this.makeRoom();
  }

  /** Forgets the decisions of a set in all zones, and remembers none of it any more: what was remembered was wrong. */
  distrust(set: CompiledPolicySet): void {
    this.distrusted.add(set);
    const { manifestSha256 } = set;
    const wrong = [...this.zones.entries()].filter(
      ([, zone]) => zone.manifestSha256 === manifestSha256,
    );
    for (const [zoneId] of wrong) this.zones.delete(zoneId);
  }

  /** The memory of a zone for a set; what was remembered of another set ends. */
  private memoryOf(zoneId: string, { manifestSha256 }: CompiledPolicySet): ZoneMemory {
    const known = this.zones.get(zoneId);
    if (known?.manifestSha256 === manifestSha256) return known;
    const verdicts = new LRUCache<string, Verdict>({ maxSize: this.limits.bytesOfZone });
    const memory = { manifestSha256, verdicts };
    this.zones.set(zoneId, memory);
    return memory;
  }

  /** The name of a decision among those of all sets. The number ends at the first space. */
  private nameOf(set: CompiledPolicySet, key: string): string {
    const number = this.numbers.get(set) ?? (this.count += 1);
    this.numbers.set(set, number);
    return `${number} ${key}`;
  }

  /** Has zones with more than their ration forget what they recalled longest ago. */
  private makeRoom(): void {
    const memories = [...this.zones.values()].map(({ verdicts }) => verdicts);
    const ration = rationOf(
      memories.map((verdicts) => verdicts.calculatedSize),
      this.limits.bytes * (1 - FREED),
    );
    for (const verdicts of memories) {
      const before = verdicts.calculatedSize;
      while (verdicts.calculatedSize > ration) verdicts.pop();
      this.total -= before - verdicts.calculatedSize;
    }
  }
}

function frozen<T extends object>(value: T): T {
  for (const member of Object.values(value)) {
    if (typeof member === 'object' && member !== null) frozen(member);
  }
  return Object.freeze(value);
}
