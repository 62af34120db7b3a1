import type { ValidationError } from '@nestjs/common';

/** What is wrong with one member of a request. */
export interface FieldError {
  /** Where it is: the path of a member of the body (`clients[0].name`), or the name of a parameter of the query. */
  readonly field: string;
  /** What is wrong, for people. It repeats nothing that was sent. */
  readonly message: string;
  /** What is wrong, for programs: `taken`, `in_use`, `unknown`, or the rule that it breaks, such as `is_line`. */
  readonly code: string;
}

/** Whatever is deeper than that is told of as a whole. */
const MAX_DEPTH = 16;
/** The most that are told of: who sends a thousand wrong members is not told of each. */
const MOST = 50;

/** What class-validator found, member by member. */
export function fieldErrors(found: readonly ValidationError[]): FieldError[] {
  return found.flatMap((error) => errorsOf(error, '', 0)).slice(0, MOST);
}

function errorsOf(
  { property, constraints = {}, children = [] }: ValidationError,
  above: string,
  depth: number,
): FieldError[] {
  const field = pathOf(above, property);
  const own = Object.entries(constraints).map(([rule, message]) => ({
    field,
    message,
    code: codeOf(rule),
  }));
  if (depth === MAX_DEPTH) return own;
  return [...own, ...children.flatMap((child) => errorsOf(child, field, depth + 1))];
}

function pathOf(above: string, property: string): string {
  if (above === '') return property;
  return /^[0-9]+$/.test(property) ? `${above}[${property}]` : `${above}.${property}`;
}

function codeOf(rule: string): string {
  if (rule === 'whitelistValidation') return 'unknown_member';
  return rule.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
