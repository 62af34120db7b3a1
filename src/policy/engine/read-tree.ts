import type { PolicyInput } from './input.js';
import type { Read, Reads } from './reads.js';

/** The most attributes that a decision is remembered by: all of them are looked up for each request. */
const MAX_ATTRIBUTES = 64;

/** A value that a decision can be remembered by. */
type Scalar = string | number | boolean;

/** A part of what identifies a decision: a value that was read, or what was found where one was looked for. */
export type KeyPart = Scalar | readonly (Scalar | null)[] | null;

/** What was found where a value was looked for; it is known from the tree where one of these stands. */
const ABSENT = null;
const NO_RECORD = 0;
const PRESENT = 1;

/** One attribute: whether its value is read, and which of its members are. */
interface Attribute {
  isValue: boolean;
  readonly members: Map<string, Attribute>;
}

/** All that some policies read of an input. */
export class ReadTree {
  private root: Attribute | null = attribute();
  private count = 0;

  /** Adds what one more policy reads. */
  add(reads: Reads): void {
    if (reads === null) this.root = null;
    else for (const read of reads) this.addOne(read);
  }

  /**
   * Takes what is read out of an input. Two inputs with equal parts are the same to the policies, whatever else is in
   * them: parts are in the order of the tree, which is the same for all inputs, and each tells where the next begins.
   *
   * @param parts what was found is added here
   * @returns whether that is all; a number that is no safe integer, or anything that is neither a scalar nor a list of
   *   scalars, is not
   */
  take(input: PolicyInput, parts: KeyPart[]): boolean {
    return this.root !== null && take(this.root, input, parts);
  }

  private addOne([what, ...path]: Read): void {
    if (this.root === null) return;
    let at = this.root;
    for (const name of path) {
      const member = at.members.get(name) ?? attribute();
      if (!at.members.has(name)) this.count += 1;
      at.members.set(name, member);
      at = member;
    }
    if (what === 'value') at.isValue = true;
    if (this.count > MAX_ATTRIBUTES) this.root = null;
  }
}

function attribute(): Attribute {
  return { isValue: false, members: new Map() };
}

function take({ isValue, members }: Attribute, value: unknown, parts: KeyPart[]): boolean {
  // As in Cedar, `null` is absent (input.ts).
  if (value === undefined || value === null) parts.push(ABSENT);
  else if (isValue) return takeValue(value, parts);
  else if (members.size === 0) parts.push(PRESENT);
  else if (typeof value !== 'object' || Array.isArray(value)) parts.push(NO_RECORD);
  else {
    parts.push(PRESENT);
    for (const [name, member] of members) {
      // Claims may have any names, such as `__proto__`.
      const found: unknown = Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined;
      if (!take(member, found, parts)) return false;
    }
  }
  return true;
}

function takeValue(value: unknown, parts: KeyPart[]): boolean {
  if (isScalar(value)) {
    parts.push(value);
    return true;
  }
  if (!Array.isArray(value) || !value.every((each) => each === null || isScalar(each)))
    return false;
  parts.push(value);
  return true;
}

/** Whether JSON tells a value from all others: it has no -0. */
function isScalar(value: unknown): value is Scalar {
  if (typeof value === 'number') return Number.isSafeInteger(value) && !Object.is(value, -0);
  return typeof value === 'string' || typeof value === 'boolean';
}
