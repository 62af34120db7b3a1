import { isDeepStrictEqual } from 'node:util';
import canonicalize from 'canonicalize';
import { isJsonArray, isJsonObject, type JsonValue } from '../../oauth/strict-json.js';
import type { Field, Item, Noun } from './field.js';

/** What is otherwise of one field. */
export interface FieldChange {
  readonly field: string;
  readonly from: JsonValue;
  readonly to: JsonValue;
}

/** A thing with all its fields, so that two that are the same are written the same: what is not said is what that means. */
export function whole(noun: Noun, item: Item): Item {
  const derived = noun.derive?.(item) ?? {};
  return Object.fromEntries(
    Object.entries(noun.fields)
      .filter(
        ([name, { secret, stays }]) =>
          secret !== true && !(stays === true && item[name] === undefined),
      )
      .map(([name, field]) => [
        name,
        canonicalOf(field, item[name] ?? derived[name] ?? field.absent),
      ]),
  );
}

function canonicalOf({ unordered, canonical, refersTo }: Field, value: JsonValue): JsonValue {
  if (value === null) return null;
  const written = canonical?.(value) ?? value;
  if (!isJsonArray(written) || (unordered !== true && refersTo === undefined)) return written;
  const once = new Map(written.map((element) => [canonicalize(element) ?? '', element]));
  const keys = unordered === true ? [...once.keys()].toSorted() : [...once.keys()];
  return keys.map((key) => once.get(key) ?? null);
}

/** The fields in which something is to be other than it is. What `wanted` does not say stays. */
export function changesOf(noun: Noun, wanted: Item, present: Item): readonly FieldChange[] {
  const [to, from] = [whole(noun, wanted), whole(noun, present)];
  return Object.keys(to).flatMap((field) => {
    const [before, after] = [from[field] ?? null, to[field] ?? null];
    return isDeepStrictEqual(plain(before), plain(after))
      ? []
      : [{ field, from: before, to: after }];
  });
}

/** Without prototypes, which make no difference here. */
function plain(value: JsonValue): unknown {
  return JSON.parse(JSON.stringify(value));
}

/** A thing as short as it can be written: without what goes without saying. For export. */
export function brief(noun: Noun, item: Item): Item {
  const all = whole(noun, item);
  const said = Object.entries(all).filter(
    ([name]) =>
      name === noun.key || noun.fields[name]?.required === true || matters(noun, all, name),
  );
  return Object.fromEntries(said);
}

/** Whether a field would be another if it were not written. */
function matters(noun: Noun, all: Item, name: string): boolean {
  const rest = Object.fromEntries(
    Object.entries(all).filter(([other, value]) => other !== name && value !== null),
  );
  const field = noun.fields[name];
  if (field?.stays === true) return !isDeepStrictEqual(all[name], field.absent);
  return !isDeepStrictEqual(
    plain(whole(noun, withoutEmpty(noun, rest))[name] ?? null),
    plain(all[name] ?? null),
  );
}

/** Fields that are as if they were not written are not, so that what follows from others follows from what is written. */
function withoutEmpty(noun: Noun, item: Item): Item {
  return Object.fromEntries(
    Object.entries(item).filter(
      ([name, value]) => !isDeepStrictEqual(value, noun.fields[name]?.absent),
    ),
  );
}

/** Changes every text in a value. */
export function mapTexts(value: JsonValue, change: (text: string) => string): JsonValue {
  if (typeof value === 'string') return change(value);
  if (isJsonArray(value)) return value.map((element) => mapTexts(element, change));
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name, mapTexts(inner, change)]),
  );
}
