import type { z } from 'zod';
import { didYouMean } from './did-you-mean.js';
import type { Path } from './problems.js';

type Issue = z.core.$ZodIssue;

/** Something that a document has and the format does not, or the other way round. */
export interface Complaint {
  readonly path: Path;
  readonly what: string;
  /** Whether the place is that of the name of the member, not of its value. */
  readonly ofName: boolean;
}

/**
 * Says in words what is wrong with a document.
 *
 * @param knownAt the names of the members that there may be at a place, for suggestions
 */
export function complaintsOf(
  issues: readonly Issue[],
  knownAt: (path: Path) => readonly string[],
  before: Path = [],
): Complaint[] {
  return issues.flatMap((issue): Complaint[] => {
    const path = [...before, ...plain(issue.path)];
    const one = (what: string): Complaint[] => [{ path, what, ofName: false }];
    switch (issue.code) {
      case 'unrecognized_keys':
        return issue.keys.map((key) => ({
          path: [...path, key],
          what: `there is no such field${didYouMean(key, knownAt(path))}`,
          ofName: true,
        }));
      case 'invalid_type':
        return one(
          issue.input === undefined
            ? 'is missing'
            : `must be ${A[issue.expected] ?? issue.expected}`,
        );
      case 'invalid_value':
        if (issue.input === undefined) return one('is missing');
        return one(oneOf(issue.values.map(String), issue.input));
      case 'invalid_union':
        return nearest(issue.errors, knownAt, path) ?? one('does not fit');
      case 'invalid_format':
        return one(issue.format === 'url' ? 'must be a URL' : issue.message);
      case 'too_big':
        return one(`must ${MEASURED[issue.origin] ?? 'be'} at most ${issue.maximum}`);
      case 'too_small':
        return one(`must ${MEASURED[issue.origin] ?? 'be'} at least ${issue.minimum}`);
      default:
        return one(issue.message);
    }
  });
}

const A: Readonly<Record<string, string>> = {
  string: 'text',
  array: 'a list',
  object: 'a mapping',
  record: 'a mapping',
  boolean: 'true or false',
  number: 'a number',
  int: 'a whole number',
};

const MEASURED: Readonly<Record<string, string>> = {
  string: 'have as many characters:',
  array: 'have as many elements:',
};

function oneOf(values: readonly string[], input: unknown): string {
  const [only, ...others] = values;
  const said = typeof input === 'string' ? didYouMean(input, values) : '';
  return others.length === 0 ? `must be ${only}` : `must be one of ${values.join(', ')}${said}`;
}

/** Of several ways to write something, what is wrong with the one that it is nearest to. */
function nearest(
  ways: readonly (readonly Issue[])[],
  knownAt: (path: Path) => readonly string[],
  path: Path,
): Complaint[] | undefined {
  const all = ways.map((issues) => complaintsOf(issues, knownAt, path));
  return all.toSorted((one, other) => one.length - other.length || depth(other) - depth(one))[0];
}

function depth(complaints: readonly Complaint[]): number {
  return Math.max(...complaints.map(({ path }) => path.length));
}

function plain(path: readonly PropertyKey[]): Path {
  return path.map((step) => (typeof step === 'number' ? step : String(step)));
}
