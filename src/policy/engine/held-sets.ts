import { LRUCache } from 'lru-cache';
import { compile, type CompiledPolicySet, type PolicySource } from './compile.js';
import { evaluate, release } from './evaluate.js';
import type { PolicyInput } from './input.js';
import { outcomeOf, type PolicyOutcome } from './outcome.js';

/** Inputs for a set by its manifest hash, since a thread is sent the texts of a set once. */
export interface HeldQuestion {
  readonly manifestSha256: string;
  readonly inputs: readonly PolicyInput[];
}

/** The sets that were asked last. Two are compared at a time. */
const held = new LRUCache<string, CompiledPolicySet>({ max: 4, dispose: release });

/** Compiles a set, so that it can be asked by its manifest hash. @throws {UncompilablePolicy} */
export function holdSet(modules: readonly PolicySource[]): void {
  const set = compile(modules);
  held.set(set.manifestSha256, set);
}

/** Decides inputs by a set that is held. @returns `null` if it is not held */
export function decideByHeld({
  manifestSha256,
  inputs,
}: HeldQuestion): readonly PolicyOutcome[] | null {
  const set = held.get(manifestSha256);
  return set === undefined ? null : inputs.map((input) => outcomeOf(evaluate(set, input)));
}
