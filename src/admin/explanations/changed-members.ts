import { isDeepStrictEqual } from 'node:util';
import { isRecord, type RecordedObject } from './recorded.js';

/** A member of a thing that a change made another one. */
export interface ChangedMember {
  /** Dotted if it is deeper. */
  readonly member: string;
  /** `null` for one that was not there; JSON. */
  readonly before: unknown;
  /** `null` for one that is not there any more; JSON. */
  readonly after: unknown;
}

/** How deep members are compared one by one; what is deeper is compared as a whole. */
const DEPTH = 4;

/**
 * The members in which two recorded values differ, in the order of what was before, then of what is new. Values that are
 * no objects are one member, called `value`.
 */
export function changedMembers(before: unknown, after: unknown): ChangedMember[] {
  if (isRecord(before) || isRecord(after)) {
    return compare(recordOf(before), recordOf(after), '', DEPTH);
  }
  return isDeepStrictEqual(before, after) ? [] : [changed('value', before, after)];
}

function compare(
  before: RecordedObject,
  after: RecordedObject,
  within: string,
  depth: number,
): ChangedMember[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return names.flatMap((name): ChangedMember[] => {
    const [was, is] = [own(before, name), own(after, name)];
    if (isDeepStrictEqual(was, is)) return [];
    if (isRecord(was) && isRecord(is) && depth > 1) {
      return compare(was, is, `${within}${name}.`, depth - 1);
    }
    return [changed(within + name, was, is)];
  });
}

function changed(member: string, before: unknown, after: unknown): ChangedMember {
  return { member, before: before ?? null, after: after ?? null };
}

function recordOf(value: unknown): RecordedObject {
  return isRecord(value) ? value : {};
}

/** A member of its own: one may be called `__proto__`. */
function own(object: RecordedObject, name: string): unknown {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}
