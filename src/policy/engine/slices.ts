/**
 * Policy slicing: a decision evaluates only the policies that can match it, whatever the size of the set.
 *
 * A policy whose head says `principal == A` cannot match another principal, and Cedar evaluates the head
 * before the condition, so it cannot err either (slices.spec.ts compares both with whole sets). So
 * the policies are grouped by the entities in their heads, and a request is decided by at most four
 * groups: those for its principal or any, and its resource or any.
 *
 * Measured with cedar-wasm 4.13.0 on Node 20: a call costs 0.1 ms, mostly for the request, and each
 * policy in it 1 to 3 µs; parsing one costs some 90 µs. Hence small slices are united, so that the usual
 * decision is one call, while a large slice is parsed once for all requests, in parts that each take
 * the main thread for some 20 ms. The answers of the parts combine to the answer of the whole: any
 * forbid denies, otherwise any permit allows.
 */
import { LRUCache } from 'lru-cache';
import { type Cost, sumOf } from './cost.js';
import {
  type PolicyText,
  type PreparedPolicies,
  RESIDENT_SETS_LIMIT,
  RESIDENT_TEXT_LIMIT,
  unload,
  preparse,
} from './engine.js';
import { entityKey, type Head } from './heads.js';
import { type CedarRequest, uidsOf } from './cedar-request.js';
import type { PolicyInput } from './input.js';
import type { NamedPolicy } from './read-module.js';
import { type KeyPart, ReadTree } from './read-tree.js';

/** Policies of a set that are evaluated in one call. */
export interface Part {
  readonly all: PreparedPolicies;
  /** The policies without the step-up forbids. */
  readonly withoutStepUps: PreparedPolicies;
  /** What it may cost to evaluate them. */
  readonly cost: { readonly all: Cost; readonly withoutStepUps: Cost };
}

/** The policies with the same entities in their heads. */
interface Slice {
  readonly id: number;
  readonly policies: NamedPolicy[];
  readonly reads: ReadTree;
  size: number;
  parts?: readonly Part[];
}

type Uids = Pick<CedarRequest, 'principal' | 'resource'>;

/** The most text that the engine parses at once, in bytes, unless a single policy has more. */
export const PART_BYTES = 32 * 1024;

/** The part for requests that no policy can match, so that a request that the engine refuses is refused all the same. */
const NOTHING = partOf([]);

/** The policies of a set, by the entities in their heads. */
export class Slices {
  private readonly slices = new Map<string | null, Map<string | null, Slice>>();
  private readonly united: LRUCache<string, Part>;
  private count = 0;
  private hasStepUps = false;

  constructor(
    policies: Iterable<NamedPolicy>,
    private readonly partBytes = PART_BYTES,
  ) {
    for (const policy of policies) this.add(policy);
    this.united = new LRUCache<string, Part>({
      max: RESIDENT_SETS_LIMIT,
      maxSize: RESIDENT_TEXT_LIMIT,
      sizeCalculation: ({ all }) => Math.max(1, all.size),
      dispose: unloadPart,
    });
  }

  /** The parts that together hold every policy that can match the request. */
  partsFor(uids: Uids): readonly Part[] {
    const smallestFirst = this.slicesFor(uids).toSorted((a, b) => a.size - b.size);
    const united: Slice[] = [];
    const parts: Part[] = [];
    let room = this.partBytes;
    for (const slice of smallestFirst) {
      room -= slice.size;
      if (room >= 0) united.push(slice);
      else parts.push(...this.partsOf(slice));
    }
    if (united.length > 0) parts.push(this.unite(united));
    return parts.length > 0 ? parts : [NOTHING];
  }

  /** How often the policies may be asked about one input: those that are no step-ups again, where one stands in the way. */
  get rounds(): 1 | 2 {
    return this.hasStepUps ? 2 : 1;
  }

  /** What the policies with the same entities in their heads cost together in all {@link rounds}. */
  *costs(): Generator<Head & { readonly cost: Cost }> {
    for (const [principal, slices] of this.slices) {
      for (const [resource, { policies }] of slices) {
        const cost = costsOf(policies);
        yield {
          principal,
          resource,
          cost: this.hasStepUps ? sumOf(Object.values(cost)) : cost.all,
        };
      }
    }
  }

  /**
   * What the policies that can match an input read of it, beside the action and which policies these are: all that their
   * decision depends on, in a form that no other values have.
   *
   * @returns `null` if that cannot be said
   */
  readBy(input: PolicyInput): readonly KeyPart[] | null {
    const parts: KeyPart[] = [input.action.id];
    for (const { id, reads } of this.slicesFor(uidsOf(input))) {
      parts.push(id);
      if (!reads.take(input, parts)) return null;
    }
    return parts;
  }

  /**
   * Parses the slice that all requests share and the slices that are too large to parse during one, a
   * part at a time.
   *
   * @param pause is awaited before each part
   */
  async warm(pause: () => Promise<unknown>): Promise<void> {
    for (const [who, slices] of this.slices) {
      for (const [what, slice] of slices) {
        const matchesAll = who === null && what === null;
        if (!matchesAll && slice.size <= this.partBytes) continue;
        for (const { all } of this.partsOf(slice)) {
          await pause();
          preparse(all);
        }
      }
    }
  }

  /** Unloads the set from the engine. */
  release(): void {
    this.united.clear();
    for (const slices of this.slices.values()) {
      for (const { parts = [] } of slices.values()) for (const part of parts) unloadPart(part);
    }
  }

  private slicesFor({ principal, resource }: Uids): readonly Slice[] {
    return [entityKey(principal), null].flatMap((who) => {
      const slices = this.slices.get(who);
      if (slices === undefined) return [];
      return [entityKey(resource), null].flatMap((what) => slices.get(what) ?? []);
    });
  }

  /** Adds one that is not among them yet, before the first request. */
  add(policy: NamedPolicy): void {
    const { principal, resource } = policy.head;
    const slices = this.slices.get(principal) ?? new Map<string | null, Slice>();
    this.slices.set(principal, slices);
    const slice = slices.get(resource) ?? this.newSlice();
    slices.set(resource, slice);
    slice.policies.push(policy);
    slice.reads.add(policy.reads);
    this.hasStepUps ||= isStepUp(policy);
    slice.size += sizeOf(policy);
  }

  private newSlice(): Slice {
    return { id: (this.count += 1), policies: [], reads: new ReadTree(), size: 0 };
  }

  private partsOf(slice: Slice): readonly Part[] {
    return (slice.parts ??= split(slice.policies, this.partBytes).map(partOf));
  }

  private unite(slices: readonly Slice[]): Part {
    const [only, another] = slices;
    const [part] = only !== undefined && another === undefined ? this.partsOf(only) : [];
    if (part !== undefined) return part;
    const key = slices.map(({ id }) => id).join();
    const known = this.united.get(key);
    if (known !== undefined) return known;
    const union = partOf(slices.flatMap(({ policies }) => policies));
    this.united.set(key, union);
    return union;
  }
}

function split(policies: readonly NamedPolicy[], limit: number): NamedPolicy[][] {
  const parts: NamedPolicy[][] = [];
  let part: NamedPolicy[] = [];
  let size = 0;
  for (const policy of policies) {
    size += sizeOf(policy);
    if (size > limit && part.length > 0) {
      parts.push(part);
      part = [];
      size = sizeOf(policy);
    }
    part.push(policy);
  }
  if (part.length > 0) parts.push(part);
  return parts;
}

function partOf(policies: readonly NamedPolicy[]): Part {
  const remaining = remainingOf(policies);
  const all = prepared(policies);
  return {
    all,
    withoutStepUps: remaining.length === policies.length ? all : prepared(remaining),
    cost: costsOf(policies),
  };
}

function costsOf(policies: readonly NamedPolicy[]): Part['cost'] {
  return { all: costOfAll(policies), withoutStepUps: costOfAll(remainingOf(policies)) };
}

function costOfAll(policies: readonly NamedPolicy[]): Cost {
  return sumOf(policies.map(({ cost }) => cost));
}

function remainingOf(policies: readonly NamedPolicy[]): readonly NamedPolicy[] {
  return policies.filter((policy) => !isStepUp(policy));
}

function isStepUp({ compiled }: NamedPolicy): boolean {
  return compiled.stepUp !== undefined;
}

function prepared(policies: readonly NamedPolicy[]): PreparedPolicies {
  return { policies, size: policies.reduce((sum, policy) => sum + sizeOf(policy), 0) };
}

function unloadPart({ all, withoutStepUps }: Part): void {
  unload(all);
  unload(withoutStepUps);
}

function sizeOf({ id, text }: PolicyText): number {
  return Buffer.byteLength(id) + Buffer.byteLength(text);
}
