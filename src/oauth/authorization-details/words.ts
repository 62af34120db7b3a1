import { isJsonArray, isJsonObject, type JsonObject, type JsonValue } from '../strict-json.js';
import type { AuthorizationDetail } from './detail.js';
import type { DetailMember, DetailType } from './detail-type.js';
import { partsOf } from './template.js';
import { isolated, shortVisibleText, visibleText } from './visible-text.js';

/**
 * A detail as a sentence for people: the operators' template, with the values of its members put in. A text that the caller
 * has chosen freely stands in quotation marks, and can have none in it, so that it cannot pass for words of the operators.
 *
 * @param declared as the resource declares its type
 * @returns without a template a sentence that says no more than which type it is
 */
export function detailInWords(
  detail: AuthorizationDetail,
  declared: DetailType | undefined,
): string {
  const parts = declared?.display === undefined ? null : partsOf(declared.display);
  if (parts === null) return detail.type;
  return parts
    .map((part) => {
      if ('text' in part) return part.text;
      const path = part.path.split('.');
      return valueInWords(valueAt(detail, path), memberAt(declared?.members ?? [], path));
    })
    .join('');
}

/**
 * A line for each value of a detail, complete, under the path of its member. What is in the detail is here, whether or not
 * a template mentions it.
 */
export function exactLines(detail: AuthorizationDetail): readonly (readonly [string, string])[] {
  return linesOf(detail, '');
}

function linesOf(value: JsonObject, within: string): (readonly [string, string])[] {
  return Object.entries(value).flatMap(([name, member]) => {
    const path = `${within}${visibleText(name)}`;
    if (isJsonObject(member)) return linesOf(member, `${path}.`);
    const values = isJsonArray(member) ? member : [member];
    return values.map((each): readonly [string, string] => [path, exactValue(each)]);
  });
}

function exactValue(value: JsonValue): string {
  return visibleText(typeof value === 'string' ? value : JSON.stringify(value));
}

function valueInWords(value: JsonValue | undefined, member: DetailMember | undefined): string {
  if (value === undefined) return '(not said)';
  if (isJsonArray(value)) return value.map((each) => valueInWords(each, member)).join(', ');
  if (typeof value !== 'string') return shortVisibleText(JSON.stringify(value));
  // A number, and one of the operators' own words, can say nothing else.
  const isFree = member?.value !== 'decimal' && member?.one_of === undefined;
  return isolated(isFree ? quoted(shortVisibleText(value)) : visibleText(value));
}

/** What looks like a quotation mark in whatever script, and several that look like one together. */
const LIKE_QUOTES = /["«»ʺ˝ˮײ״“”„‟″‴‶‷⁗❝❞❠⹂〃〝〞〟＂\u{1F676}-\u{1F678}]|['`´‘’‚‛′‵ʹʻʼʽˈ＇]{2,}/gu;

function quoted(text: string): string {
  return `“${text.replace(LIKE_QUOTES, '’')}”`;
}

function valueAt(value: JsonValue, [first, ...rest]: readonly string[]): JsonValue | undefined {
  if (first === undefined) return value;
  const member = isJsonObject(value) ? value[first] : undefined;
  return member === undefined ? undefined : valueAt(member, rest);
}

function memberAt(
  members: readonly DetailMember[],
  [first, ...rest]: readonly string[],
): DetailMember | undefined {
  const member = members.find(({ name }) => name === first);
  return rest.length === 0 ? member : memberAt(member?.members ?? [], rest);
}
