import { COMMON_LISTS } from './detail.js';
import { placeholdersIn } from './template.js';

/**
 * What a member can be:
 * - `string`: a text; `boolean`; `number`: a JSON number;
 * - `decimal`: a number as text, such as `"45.00"`, which is compared exactly;
 * - `strings`: a list of texts, none of them twice;
 * - `object`: has members of its own.
 */
export const MEMBER_KINDS = [
  'string',
  'boolean',
  'number',
  'decimal',
  'strings',
  'object',
] as const;

/** One of {@link MEMBER_KINDS}. */
export type MemberKind = (typeof MEMBER_KINDS)[number];

/**
 * How the value of a member may differ from that of the authority which it is narrowed from: not at all, or it may be
 * less, or more, or a part of the list.
 */
export const NARROWINGS = ['equal', 'at_most', 'at_least', 'subset'] as const;

/** One of {@link NARROWINGS}. */
export type Narrowing = (typeof NARROWINGS)[number];

/** A member of a type of details. */
export interface DetailMember {
  readonly name: string;
  readonly value: MemberKind;
  /** Not if absent. */
  readonly required?: boolean;
  /** `subset` for the lists of RFC 9396 2.2 if absent, and `equal` for all others. */
  readonly narrows?: Narrowing;
  /** The texts that are allowed; any if absent. */
  readonly one_of?: readonly string[];
  /** The most characters of a text, {@link MAX_TEXT} if absent. */
  readonly max_length?: number;
  /** Whether its value is kept from policy and from the audit log, where it stays for long. */
  readonly private?: boolean;
  /** Of an object. */
  readonly members?: readonly DetailMember[];
}

/** A type of authorization details, as a resource declares it (RFC 9396 2.1, 9). */
export interface DetailType {
  readonly type: string;
  /** A sentence for people, with members in braces, such as `Pay {amount} to {creditor.name}`. */
  readonly display?: string;
  /** The scope without which a detail of this type cannot be asked for. */
  readonly scope?: string;
  /** Beside `type` and `locations`, which every detail may have. */
  readonly members: readonly DetailMember[];
}

/** The most characters of a text in a detail. */
export const MAX_TEXT = 500;
const MAX_LEVELS = 4;
/** The most members of a type, those of its objects counted. */
const MAX_MEMBERS = 100;

const MEMBER_NAME = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/;
/** Members that every detail has or may have. */
const BUILT_IN: ReadonlySet<string> = new Set(['type', 'locations']);
const COMMON: ReadonlySet<string> = new Set(COMMON_LISTS);

const ALLOWED_NARROWINGS: Readonly<Record<MemberKind, readonly Narrowing[]>> = {
  string: ['equal'],
  boolean: ['equal'],
  number: ['equal', 'at_most', 'at_least'],
  decimal: ['equal', 'at_most', 'at_least'],
  strings: ['equal', 'subset'],
  // Its members have rules of their own.
  object: [],
};

/** How a member narrows. */
export function narrowingOf({ name, narrows }: DetailMember): Narrowing {
  return narrows ?? (COMMON.has(name) ? 'subset' : 'equal');
}

/**
 * Checks the types that a resource declares, as far as a member alone does not say whether it is right.
 *
 * @param scopes those of the resource
 * @returns what is wrong, in words; `null` if nothing is
 */
export function problemOfTypes(
  types: readonly DetailType[],
  scopes: readonly string[],
): string | null {
  const names = types.map(({ type }) => type);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) return `${twice} is declared twice`;
  for (const type of types) {
    const problem = problemOfType(type, scopes);
    if (problem !== null) return `${type.type}: ${problem}`;
  }
  return null;
}

function problemOfType(
  { display, scope, members }: DetailType,
  scopes: readonly string[],
): string | null {
  if (scope !== undefined && !scopes.includes(scope)) {
    return `${scope} is no scope of the resource`;
  }
  const problem = problemOfMembers(members, 1);
  if (problem !== null) return problem;
  if (countOf(members) > MAX_MEMBERS) return `more than ${MAX_MEMBERS} members`;
  if (display === undefined) return null;
  const placeholders = placeholdersIn(display);
  if (placeholders === null) return 'display: braces enclose the path of a member each';
  const wrong = placeholders.find((path) => !leadsToValue(members, path));
  return wrong === undefined ? null : `display: {${wrong}} leads to no value`;
}

function problemOfMembers(members: readonly DetailMember[], level: number): string | null {
  if (level > MAX_LEVELS) return `members are nested beyond ${MAX_LEVELS} levels`;
  const names = members.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) return `${twice} is there twice`;
  for (const member of members) {
    const problem = problemOfMember(member, level);
    if (problem !== null) return `${member.name}: ${problem}`;
  }
  return null;
}

function problemOfMember(member: DetailMember, level: number): string | null {
  const { name, value, narrows, one_of: oneOf, max_length: maxLength, members } = member;
  if (!MEMBER_NAME.test(name)) return 'a name is a letter, then letters, digits, _ and -';
  if (level === 1 && BUILT_IN.has(name)) return 'every detail may have it';
  if (level === 1 && COMMON.has(name) && value !== 'strings') return 'it is strings (RFC 9396 2.2)';
  if (level === 1 && name === 'identifier' && value !== 'string') return 'it is a string';
  if (narrows !== undefined && !ALLOWED_NARROWINGS[value].includes(narrows)) {
    return `${value} does not narrow by ${narrows}`;
  }
  const isText = value === 'string' || value === 'strings';
  if (!isText && (oneOf !== undefined || maxLength !== undefined)) {
    return 'one_of and max_length are of texts';
  }
  if ((value === 'object') !== (members !== undefined))
    return 'an object has members, and no other';
  return members === undefined ? null : problemOfMembers(members, level + 1);
}

function countOf(members: readonly DetailMember[]): number {
  return members.reduce((sum, { members: inner = [] }) => sum + 1 + countOf(inner), 0);
}

function leadsToValue(members: readonly DetailMember[], path: string): boolean {
  const [first, ...rest] = path.split('.');
  const member = members.find(({ name }) => name === first);
  if (member === undefined) return false;
  return rest.length === 0
    ? member.value !== 'object'
    : leadsToValue(member.members ?? [], rest.join('.'));
}
