import type { TermKind } from './audit-filters.js';
import { TERM_PLACES } from './term-places.js';

/** Where terms of a kind are, from a member of the event on. */
interface Way {
  readonly kind: TermKind;
  /** Names of members; `[*]` for what is in a list, and `**` for a value and everything below it. */
  readonly steps: readonly string[];
  readonly ofTypes: string | undefined;
}

/** The ways by the member of the event that they begin with, as an event has few of these. */
const WAYS = new Map<string, Way[]>();
for (const { kind, path, ofTypes } of TERM_PLACES) {
  const [first = '', ...steps] = path.slice('$.'.length).replaceAll('[*]', '.[*]').split('.');
  WAYS.set(first, [...(WAYS.get(first) ?? []), { kind, steps, ofTypes }]);
}

/**
 * The terms of an event, as `audit_terms` (terms.sql) finds them: each as its kind, a colon and what is in the event
 * there, once. It is several times cheaper here, where JSON is read fast and no path is tried that the event has not.
 *
 * @param event as it was recorded
 */
export function termsIn(event: Readonly<Record<string, unknown>>): string[] {
  const found = new Set<string>();
  for (const name of Object.keys(event)) {
    for (const { kind, steps, ofTypes } of WAYS.get(name) ?? []) {
      if (ofTypes === undefined || isOfType(event, ofTypes)) {
        follow(event[name], steps, 0, kind, found);
      }
    }
  }
  return [...found];
}

/** Follows a way as SQL/JSON paths go in their lax mode: members of a list are those of what is in it, and what is no list is one. */
function follow(
  value: unknown,
  steps: readonly string[],
  at: number,
  kind: TermKind,
  found: Set<string>,
): void {
  const step = steps[at];
  if (step === undefined) {
    if (typeof value === 'string') found.add(`${kind}:${value}`);
  } else if (step === '[*]') {
    for (const one of listOf(value)) follow(one, steps, at + 1, kind, found);
  } else if (step === '**') {
    follow(value, steps, at + 1, kind, found);
    for (const one of below(value)) follow(one, steps, at, kind, found);
  } else {
    for (const one of listOf(value)) {
      if (isObject(one) && Object.hasOwn(one, step)) {
        follow(one[step], steps, at + 1, kind, found);
      }
    }
  }
}

function isOfType({ type }: Readonly<Record<string, unknown>>, begins: string): boolean {
  return listOf(type).some((one) => typeof one === 'string' && one.startsWith(begins));
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [value];
}

function below(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  return isObject(value) ? Object.values(value) : [];
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
