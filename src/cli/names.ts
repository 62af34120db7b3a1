import type { Argument, Option } from 'commander';

/** Of which noun the values of an argument or option are names. */
const named = new WeakMap<Argument | Option, string>();

/** Says that the values of an argument or option are names of a noun, for completion. @returns the argument or option */
export function naming<T extends Argument | Option>(parameter: T, noun: string | undefined): T {
  if (noun !== undefined) named.set(parameter, noun);
  return parameter;
}

/** The noun whose names an argument or option takes; `null` if it takes something else. */
export function nounNamedBy(parameter: Argument | Option | undefined): string | null {
  return parameter === undefined ? null : (named.get(parameter) ?? null);
}
