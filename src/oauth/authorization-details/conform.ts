import { isJsonObject, type JsonObject, type JsonValue } from '../strict-json.js';
import { isTexts, type AuthorizationDetail } from './detail.js';
import { MAX_TEXT, type DetailMember, type DetailType, type MemberKind } from './detail-type.js';
import { readDecimal } from './decimal.js';

/** The most texts in a list. */
const MAX_TEXTS = 50;
/** Names that can be said in an `error_description` (RFC 6749 5.2), and that are no story. */
const SAYABLE = /^[A-Za-z0-9_-]{1,64}$/;

/**
 * Checks a detail by what a resource declares of its type (RFC 9396 5): each member is a declared one, those that have to
 * be there are, and each is what it has to be. `locations` are not looked at.
 *
 * @returns what is wrong, with names of members and no value; `null` if nothing is
 */
export function problemOfDetail(
  detail: AuthorizationDetail,
  { members }: DetailType,
): string | null {
  const { type: _type, locations: _locations, ...rest } = detail;
  return problemOfObject(rest, members, '');
}

/** @param within the path of the object, with a dot at its end */
function problemOfObject(
  value: JsonObject,
  members: readonly DetailMember[],
  within: string,
): string | null {
  const unknown = Object.keys(value).find((name) => !members.some((one) => one.name === name));
  if (unknown !== undefined) {
    return `${within}${SAYABLE.test(unknown) ? unknown : '(a member)'} is not declared`;
  }
  for (const member of members) {
    const problem = problemOfMember(value[member.name], member, `${within}${member.name}`);
    if (problem !== null) return problem;
  }
  return null;
}

function problemOfMember(
  value: JsonValue | undefined,
  member: DetailMember,
  path: string,
): string | null {
  if (value === undefined) return member.required === true ? `${path} is missing` : null;
  if (member.value === 'object') {
    return isJsonObject(value)
      ? problemOfObject(value, member.members ?? [], `${path}.`)
      : `${path} is not an object`;
  }
  if (!IS_OF_KIND[member.value](value)) return `${path} is not ${IN_WORDS[member.value]}`;
  const texts = typeof value === 'string' ? [value] : isTexts(value) ? value : [];
  const most = member.max_length ?? MAX_TEXT;
  if (texts.length > MAX_TEXTS || texts.some((text) => lengthOf(text) > most)) {
    return `${path} is too long`;
  }
  const { one_of: oneOf } = member;
  return oneOf === undefined || texts.every((text) => oneOf.includes(text))
    ? null
    : `${path} has a value that is not allowed`;
}

type Scalar = Exclude<MemberKind, 'object'>;

const IS_OF_KIND: Readonly<Record<Scalar, (value: JsonValue) => boolean>> = {
  // A text that is empty says nothing, and looks like what was left out.
  string: (value) => typeof value === 'string' && value !== '',
  boolean: (value) => typeof value === 'boolean',
  // Beyond, two numbers that were written differently are read as one.
  number: (value) => typeof value === 'number' && Math.abs(value) <= Number.MAX_SAFE_INTEGER,
  decimal: (value) => typeof value === 'string' && readDecimal(value) !== null,
  strings: isTexts,
};

const IN_WORDS: Readonly<Record<Scalar, string>> = {
  string: 'a text',
  boolean: 'true or false',
  number: 'a number that can be told exactly',
  decimal: 'a decimal number in a text',
  strings: 'a list of texts, each once',
};

function lengthOf(text: string): number {
  return Array.from(text).length;
}
