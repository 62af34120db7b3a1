import { LRUCache } from 'lru-cache';
import { shareOf } from '../platform/workers/share.js';
import type { CompiledPolicySet } from './engine/compile.js';
import type { Verdict } from './engine/evaluate.js';

/** How much is remembered, in bytes as {@link DecisionMemory} counts them. */
export interface MemoryLimits {
  /** Of one set, so that what is asked of one zone pushes out its own decisions only. */
  readonly bytesOfSet: number;
  /** Of all sets together: beyond, the set is forgotten that was asked longest ago. */
  readonly bytes: number;
  /** Of one decision: a denial may have thousands of reasons. */
  readonly bytesOfDecision: number;
  /** The most sets of which something is remembered. */
  readonly sets: number;
}

const LIMITS: MemoryLimits = {
  bytesOfSet: 4 * 1024 * 1024,
  bytes: 64 * 1024 * 1024,
  bytesOfDecision: 16 * 1024,
  sets: 10_000,
};

/** The limits of one worker of several, which have the memory of one together. */
export function memoryLimits(workers: number): MemoryLimits {
  const { bytesOfSet, bytes } = LIMITS;
  return { ...LIMITS, bytes: shareOf(bytes, workers, bytesOfSet) };
}

/** Bytes of a decision beside its texts: the objects, and its place in the cache. */
const OVERHEAD = 256;

/** What is remembered of one set. */
interface SetMemory {
  readonly verdicts: LRUCache<string, Verdict>;
  trusted: boolean;
}

/**
 * The decisions of compiled sets, by what they depend on (`Inquiry.key`). A set never changes, so a decision is never
 * old; what is remembered of a set ends with it.
 */
export class DecisionMemory {
  private readonly memories = new WeakMap<CompiledPolicySet, SetMemory>();
  /** Those of which something is remembered, asked longest ago last. */
  private readonly inUse: LRUCache<SetMemory, SetMemory>;
  private total = 0;

  constructor(private readonly limits: MemoryLimits) {
    this.inUse = new LRUCache({ max: limits.sets, dispose: (memory) => this.clear(memory) });
  }

  /** Bytes that are remembered of all sets. */
  get bytes(): number {
    return this.total;
  }

  /** The decision of a set that has this key. */
  recall(set: CompiledPolicySet, key: string): Verdict | undefined {
    const memory = this.memories.get(set);
    return memory && this.inUse.get(memory)?.verdicts.get(key);
  }

  /** Remembers a complete decision, and makes it immutable, since all who recall it share it. */
  remember(set: CompiledPolicySet, key: string, verdict: Verdict): void {
    if (verdict.evaluationStatus !== 'complete') return;
    const memory = this.memories.get(set) ?? this.newMemory();
    const size = OVERHEAD + 2 * (key.length + JSON.stringify(verdict).length);
    if (!memory.trusted || size > this.limits.bytesOfDecision) return;
    this.memories.set(set, memory);
    const before = memory.verdicts.calculatedSize;
    memory.verdicts.set(key, frozen(verdict), { size });
    this.total += memory.verdicts.calculatedSize - before;
    this.inUse.set(memory, memory);
    while (this.total > this.limits.bytes && this.inUse.pop() !== undefined);
  }

  /** Forgets the decisions of a set. */
  forget(set: CompiledPolicySet): void {
    const memory = this.memories.get(set);
    if (memory !== undefined) this.inUse.delete(memory);
  }

  /** Forgets the decisions of a set, and remembers none of it any more: what was remembered was wrong. */
  distrust(set: CompiledPolicySet): void {
    const memory = this.memories.get(set) ?? this.newMemory();
    this.memories.set(set, memory);
    memory.trusted = false;
    this.forget(set);
  }

  private newMemory(): SetMemory {
    return { verdicts: new LRUCache({ maxSize: this.limits.bytesOfSet }), trusted: true };
  }

  private clear({ verdicts }: SetMemory): void {
    this.total -= verdicts.calculatedSize;
    verdicts.clear();
  }
}

function frozen<T extends object>(value: T): T {
  for (const member of Object.values(value)) {
    if (typeof member === 'object' && member !== null) frozen(member);
  }
  return Object.freeze(value);
}
