import {
  InvalidJson,
  isJsonArray,
  isJsonObject,
  readStrictJson,
  type JsonObject,
  type JsonValue,
} from '../strict-json.js';

/** One authorization detail (RFC 9396 2): what exactly is asked for or granted, in the members of its type. */
export interface AuthorizationDetail extends JsonObject {
  readonly type: string;
}

/** The most details of a request or a token. */
export const MAX_DETAILS = 10;
/** The most characters of the parameter. */
export const MAX_DETAILS_TEXT = 8_192;
/** The most bytes of all details of a request or a token together, as JSON without spaces: they become part of a header. */
export const MAX_DETAILS_BYTES = 4_096;
/** The most levels of objects and arrays, the list of details included. */
const MAX_LEVELS = 8;

/** The members whose meaning RFC 9396 2.2 gives, and that are lists of texts in every type. */
export const COMMON_LISTS = ['locations', 'actions', 'datatypes', 'privileges'] as const;

const TYPE_NAME = /^[\x21\x23-\x5B\x5D-\x7E]{1,100}$/;

/** Whether a text can name a type: printable ASCII without spaces, quotes and backslashes. */
export function isDetailTypeName(text: unknown): text is string {
  return typeof text === 'string' && TYPE_NAME.test(text);
}

/** No details. One object, so that requests without any make none. */
export const NO_DETAILS: readonly AuthorizationDetail[] = Object.freeze([]);

/** What is wrong with some details. @see isProblem */
export interface DetailsProblem {
  /** For the caller: names of members are in it, values are not. */
  readonly problem: string;
}

/** Whether something is a problem, and not what was wanted. */
export function isProblem(value: object): value is DetailsProblem {
  return 'problem' in value;
}

/** Reads the parameter `authorization_details` (RFC 9396 2), whose types are not known here. */
export function parseDetails(text: string): readonly AuthorizationDetail[] | DetailsProblem {
  if (text.length > MAX_DETAILS_TEXT) return { problem: 'too long' };
  try {
    return readDetails(readStrictJson(text));
  } catch (error) {
    if (error instanceof InvalidJson) return { problem: 'not JSON, or JSON that is ambiguous' };
    throw error;
  }
}

/** Reads details as a request or a token has them: their form, whatever their types are. */
export function readDetails(
  value: JsonValue | undefined,
): readonly AuthorizationDetail[] | DetailsProblem {
  if (!isJsonArray(value)) return { problem: 'not an array' };
  if (value.length === 0) return { problem: 'empty' };
  if (value.length > MAX_DETAILS) return { problem: `more than ${MAX_DETAILS} details` };
  if (isTooDeep(value, MAX_LEVELS)) return { problem: 'nested too deep' };
  if (detailsBytes(value) > MAX_DETAILS_BYTES) {
    return { problem: `more than ${MAX_DETAILS_BYTES} bytes` };
  }
  const details: AuthorizationDetail[] = [];
  for (const each of value) {
    if (!isDetail(each)) return { problem: 'a detail is not an object with a type' };
    const list = COMMON_LISTS.find((name) => each[name] !== undefined && !isTexts(each[name]));
    if (list !== undefined) return { problem: `${list} is not a list of texts` };
    const { identifier } = each;
    if (identifier !== undefined && typeof identifier !== 'string') {
      return { problem: 'identifier is not a text' };
    }
    details.push(each);
  }
  return details;
}

/** The size of details in a token. */
export function detailsBytes(details: readonly JsonValue[]): number {
  return Buffer.byteLength(JSON.stringify(details));
}

/** The texts of a list of a detail, such as its `locations`; `null` if it has no such list. */
export function textsOf(detail: AuthorizationDetail, name: string): readonly string[] | null {
  const value = detail[name];
  return isTexts(value) ? value : null;
}

function isDetail(value: JsonValue): value is AuthorizationDetail {
  return isJsonObject(value) && isDetailTypeName(value['type']);
}

/** Whether a value is a list of texts: not empty, none of them twice. */
export function isTexts(value: JsonValue | undefined): value is readonly string[] {
  return (
    isJsonArray(value) &&
    value.length > 0 &&
    value.every((text) => typeof text === 'string' && text !== '') &&
    new Set(value).size === value.length
  );
}

function isTooDeep(value: JsonValue, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => isTooDeep(inner, levels - 1));
}
