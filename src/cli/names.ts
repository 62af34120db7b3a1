import type { Argument, Option } from 'commander';

const named = new WeakMap<Argument | Option, string>();

/** Says that the values of an argument or option are names of a noun, for completion. @returns the argument or option */
export function naming<T extends Argument | Option>(one: T, noun: string | undefined): T {
  if (noun !== undefined) named.set(one, noun);
  return one;
}

/** The noun whose names an argument or option takes; `null` if it takes something else. */
export function nounNamedBy(one: Argument | Option | undefined): string | null {
  return one === undefined ? null : (named.get(one) ?? null);
}
