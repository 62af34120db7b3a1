import canonicalize from 'canonicalize';
import { isJsonObject, type JsonObject, type JsonValue } from '../strict-json.js';
import { isTexts, type AuthorizationDetail } from './detail.js';
import { narrowingOf, type DetailMember, type DetailType, type Narrowing } from './detail-type.js';
import { readDecimal } from './decimal.js';

/**
 * Whether a detail is no wider than another one of its type, by what a resource declares of that: each member is the same,
 * or less by the rule of the member. What is there stays there, and what is not there is not added: either could be more.
 * `locations` are not looked at.
 */
export function isNoWider(
  inner: AuthorizationDetail,
  outer: AuthorizationDetail,
  { members }: DetailType,
): boolean {
  const { locations: _inner, ...narrow } = inner;
  const { locations: _outer, ...wide } = outer;
  return isObjectNoWider(narrow, wide, members);
}

function isObjectNoWider(
  inner: JsonObject,
  outer: JsonObject,
  members: readonly DetailMember[],
): boolean {
  const names = new Set([...Object.keys(inner), ...Object.keys(outer)]);
  return [...names].every((name) => {
    const [one, other] = [inner[name], outer[name]];
    if (one === undefined || other === undefined) return false;
    const member = members.find((each) => each.name === name);
    // What is not declared any more has no rule.
    if (member === undefined) return isSame(one, other);
    if (member.value !== 'object') return NO_WIDER[narrowingOf(member)](one, other);
    return (
      isJsonObject(one) && isJsonObject(other) && isObjectNoWider(one, other, member.members ?? [])
    );
  });
}

const NO_WIDER: Readonly<Record<Narrowing, (inner: JsonValue, outer: JsonValue) => boolean>> = {
  equal: isSame,
  at_most: (inner, outer) => compare(inner, outer, (one, other) => one <= other),
  at_least: (inner, outer) => compare(inner, outer, (one, other) => one >= other),
  subset: (inner, outer) =>
    isTexts(inner) && isTexts(outer) && inner.every((text) => outer.includes(text)),
};

/** Compares two numbers, or two decimal numbers; whatever else they are, neither is within the other. */
function compare(
  one: JsonValue,
  other: JsonValue,
  by: (one: number | bigint, other: number | bigint) => boolean,
): boolean {
  if (typeof one === 'number' && typeof other === 'number') return by(one, other);
  const [left, right] = [one, other].map((each) =>
    typeof each === 'string' ? readDecimal(each) : null,
  );
  return typeof left === 'bigint' && typeof right === 'bigint' && by(left, right);
}

function isSame(one: JsonValue, other: JsonValue): boolean {
  return canonicalize(one) === canonicalize(other);
}

/**
 * Whether each of some is within one of others, and no two within the same: one payment does not become two.
 *
 * @param isWithin whether the inner one at an index is within the outer one at another
 */
export function matches(
  inner: number,
  outer: number,
  isWithin: (inner: number, outer: number) => boolean,
): boolean {
  // Which inner one an outer one is taken by; one that is taken is left to another if its taker finds another place.
  const takenBy = new Map<number, number>();
  // Each pair is compared once: to compare takes far longer than to look for another place.
  const compared = new Map<number, boolean>();
  const fits = (one: number, other: number): boolean => {
    const pair = one * outer + other;
    const known = compared.get(pair) ?? isWithin(one, other);
    compared.set(pair, known);
    return known;
  };
  const place = (one: number, tried: Set<number>): boolean => {
    for (let other = 0; other < outer; other += 1) {
      if (tried.has(other) || !fits(one, other)) continue;
      tried.add(other);
      const before = takenBy.get(other);
      if (before !== undefined && !place(before, tried)) continue;
      takenBy.set(other, one);
      return true;
    }
    return false;
  };
  return Array.from({ length: inner }, (_, one) => place(one, new Set())).every(Boolean);
}
