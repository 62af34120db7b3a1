import type { Effect } from '@cedar-policy/cedar-wasm/nodejs';
import { readSet, type PolicySource } from './compile.js';
import { entityKey } from './heads.js';
import { uidsOf } from './cedar-request.js';
import type { PolicyInput } from './input.js';
import type { ReadPolicy } from './read-module.js';
import { positionAt } from './text-position.js';

/** Where a policy stands in the text of its module. Lines and columns are counted from 1. */
export interface PolicyPlace {
  /** Its name in verdicts. */
  readonly policy: string;
  /** The policy of the zone that it is part of: one text may hold several. */
  readonly module: string;
  readonly effect: Effect;
  readonly line: number;
  readonly column: number;
  readonly last_line: number;
  /** Its text as it was written, at most {@link MAX_SHOWN} characters of it. */
  readonly text: string;
}

/** Which policies are looked for. */
export interface LocateRequest {
  readonly modules: readonly PolicySource[];
  /** The names of policies in verdicts. */
  readonly names: readonly string[];
  /** What was asked of them: permits whose head matches it could have permitted it. */
  readonly input: Pick<PolicyInput, 'principal' | 'action' | 'resource'>;
}

/** Where policies stand. */
export interface Located {
  /** Those that were named, in the order of the names; one that is not there is left out. */
  readonly named: readonly PolicyPlace[];
  /** The first permits whose head matches what was asked, so that it was up to their conditions, in the order of names. */
  readonly permits: readonly PolicyPlace[];
  /** How many such permits there are. */
  readonly permits_in_all: number;
}

/** The most characters of one policy that are shown. */
export const MAX_SHOWN = 4_000;

/** The most permits that are shown. */
const MAX_PERMITS = 5;

/**
 * Finds policies in the text of a set, so that people can be told which line has decided. Parses the whole set: use
 * `locateInBackground`.
 *
 * @throws {UncompilablePolicy}
 */
export function locate({ modules, names, input }: LocateRequest): Located {
  const contents = new Map(modules.map(({ id, content }) => [id, content]));
  const read = readSet(modules);
  const byName = new Map(read.map((policy) => [policy.id, policy]));
  const place = (policy: ReadPolicy): PolicyPlace => placeOf(policy, contents);
  const { principal, resource } = uidsOf(input);
  const fits = (named: string | null, asked: typeof principal): boolean =>
    named === null || named === entityKey(asked);
  const permits = read
    .filter(({ compiled, isOfIntrospection }) => compiled.effect === 'permit' && !isOfIntrospection)
    .filter(({ head }) => fits(head.principal, principal) && fits(head.resource, resource))
    .toSorted((a, b) => (a.id < b.id ? -1 : 1));
  return {
    named: names.flatMap((name) => {
      const policy = byName.get(name);
      return policy === undefined ? [] : [place(policy)];
    }),
    permits: permits.slice(0, MAX_PERMITS).map(place),
    permits_in_all: permits.length,
  };
}

function placeOf(
  { id, module, text, offset, compiled }: ReadPolicy,
  contents: ReadonlyMap<string, string>,
): PolicyPlace {
  const content = contents.get(module) ?? text;
  const { line, column } = positionAt(content, offset);
  return {
    policy: id,
    module,
    effect: compiled.effect,
    line,
    column,
    last_line: line + text.split('\n').length - 1,
    text: text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text,
  };
}
