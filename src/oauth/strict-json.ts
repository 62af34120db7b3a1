/** A value that `readStrictJson` can return. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;

/** A JSON object. It has no prototype, so that looking up an absent member finds nothing. */
export interface JsonObject {
  readonly [member: string]: JsonValue;
}

/** The reason of an {@link InvalidJson}. All but `not_json` are texts that `JSON.parse` would accept. */
export type InvalidJsonReason =
  | 'not_json'
  | 'duplicate_member'
  | 'proto_member'
  | 'too_deep'
  | 'lone_surrogate'
  | 'nul_character'
  | 'number_out_of_range';

/** Thrown for a text that is not JSON, or that two readers could understand differently. */
export class InvalidJson extends Error {
  override readonly name = 'InvalidJson';

  constructor(readonly reason: InvalidJsonReason) {
    super(reason);
  }
}

/** How deep arrays and objects may be nested. It also bounds the recursion of the reader. */
export const MAX_JSON_DEPTH = 32;

/**
 * Reads JSON, refusing what different readers understand differently (RFC 8259 4, 6 and 8.2).
 *
 * A member may be given once per object, compared after unescaping: parsers disagree on which of
 * two wins, so a signature over both proves neither. `__proto__` is refused because code that copies
 * members by assignment would set the prototype. Lone surrogates and NUL are refused because Postgres
 * cannot store them: the first would turn into U+FFFD and make two names one. Numbers that a double
 * can only hold as infinity are refused. For every other text it agrees with `JSON.parse`.
 *
 * Where the reader is needed it builds the value itself, so that no second parser has to agree with its checks.
 *
 * @param opaque the members of the outermost object that may have any text, also with NUL and lone surrogates: what is not
 *   stored, but only looked at
 * @throws {InvalidJson}
 */
export function readStrictJson(text: string, opaque: ReadonlySet<string> = NONE): JsonValue {
  return readCompact(text) ?? new Reader(text, opaque).document();
}

const NONE: ReadonlySet<string> = new Set();

/**
 * Reads a text as encoders write it, in a third of the time that the {@link Reader} takes: what `JSON.parse` and
 * `JSON.stringify` give back byte for byte has no member twice, no number out of range and no lone surrogate.
 *
 * @returns `undefined` for every other text, right or wrong, and for `null`
 */
function readCompact(text: string): JsonValue | undefined {
  // An escape could hide a NUL, or the name that would come back as it went.
  if (text.includes('\\u') || text.includes('__proto__')) return undefined;
  try {
    const value: JsonValue = JSON.parse(text);
    return JSON.stringify(value) === text && loosePrototypes(value, 0) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Takes the prototypes of objects away. @returns whether a value is nested no deeper than it may be */
function loosePrototypes(value: JsonValue, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  if (depth >= MAX_JSON_DEPTH) return false;
  for (const inner of Object.values(value)) {
    if (!loosePrototypes(inner, depth + 1)) return false;
  }
  if (!isJsonArray(value)) Object.setPrototypeOf(value, null);
  return true;
}

/** Whether a value is a JSON object rather than an array, null or a primitive. */
export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !isJsonArray(value);
}

/** `Array.isArray`, for a readonly type that it does not narrow by itself. */
export function isJsonArray(value: JsonValue | undefined): value is readonly JsonValue[] {
  return Array.isArray(value);
}

const WHITE_SPACE = /[ \t\n\r]*/y;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const LITERAL = /true|false|null/y;

/** A recursive-descent reader of one JSON text. */
class Reader {
  private at = 0;
  private inOpaque = false;

  constructor(
    private readonly text: string,
    private readonly opaque: ReadonlySet<string>,
  ) {}

  /** Reads the whole text. @throws {InvalidJson} */
  document(): JsonValue {
    const value = this.value(0);
    if (this.at !== this.text.length) throw new InvalidJson('not_json');
    return value;
  }

  private value(depth: number): JsonValue {
    this.match(WHITE_SPACE);
    const value = this.bare(depth);
    this.match(WHITE_SPACE);
    return value;
  }

  private bare(depth: number): JsonValue {
    switch (this.text[this.at]) {
      case '{':
        return this.object(depth + 1);
      case '[':
        return this.array(depth + 1);
      case '"':
        return this.string();
      case 't':
      case 'f':
      case 'n':
        return this.literal();
      default:
        return this.number();
    }
  }

  private object(depth: number): JsonObject {
    if (depth > MAX_JSON_DEPTH) throw new InvalidJson('too_deep');
    const members: Record<string, JsonValue> = Object.create(null);
    this.at += 1;
    this.match(WHITE_SPACE);
    if (this.skip('}')) return members;
    do {
      this.match(WHITE_SPACE);
      const name = this.string();
      if (name === '__proto__') throw new InvalidJson('proto_member');
      if (Object.hasOwn(members, name)) throw new InvalidJson('duplicate_member');
      this.match(WHITE_SPACE);
      this.expect(':');
      const outer = this.inOpaque;
      this.inOpaque ||= depth === 1 && this.opaque.has(name);
      members[name] = this.value(depth);
      this.inOpaque = outer;
    } while (this.skip(','));
    this.expect('}');
    return members;
  }

  private array(depth: number): readonly JsonValue[] {
    if (depth > MAX_JSON_DEPTH) throw new InvalidJson('too_deep');
    const elements: JsonValue[] = [];
    this.at += 1;
    this.match(WHITE_SPACE);
    if (this.skip(']')) return elements;
    do {
      elements.push(this.value(depth));
    } while (this.skip(','));
    this.expect(']');
    return elements;
  }

  private string(): string {
    let end = this.at + 1;
    while (end < this.text.length && this.text[end] !== '"') {
      end += this.text[end] === '\\' ? 2 : 1;
    }
    const value = parseStringLiteral(this.text.slice(this.at, end + 1));
    if (!this.inOpaque) {
      if (/\p{Surrogate}/u.test(value)) throw new InvalidJson('lone_surrogate');
      if (value.includes('\0')) throw new InvalidJson('nul_character');
    }
    this.at = end + 1;
    return value;
  }

  private number(): number {
    const literal = this.match(NUMBER);
    if (literal === '') throw new InvalidJson('not_json');
    const value = Number(literal);
    if (!Number.isFinite(value)) throw new InvalidJson('number_out_of_range');
    return value;
  }

  private literal(): boolean | null {
    const literal = this.match(LITERAL);
    if (literal === '') throw new InvalidJson('not_json');
    return literal === 'null' ? null : literal === 'true';
  }

  /** Consumes what a sticky pattern matches here, which may be nothing. */
  private match(pattern: RegExp): string {
    pattern.lastIndex = this.at;
    const matched = pattern.exec(this.text)?.[0] ?? '';
    this.at += matched.length;
    return matched;
  }

  private skip(character: string): boolean {
    if (this.text[this.at] !== character) return false;
    this.at += 1;
    return true;
  }

  private expect(character: string): void {
    if (!this.skip(character)) throw new InvalidJson('not_json');
  }
}

/** Unescapes one string literal. `JSON.parse` refuses bad escapes and raw control characters. */
function parseStringLiteral(literal: string): string {
  try {
    const value: unknown = JSON.parse(literal);
    if (typeof value === 'string') return value;
  } catch {
    // Thrown below: no caller needs to know why it is no string.
  }
  throw new InvalidJson('not_json');
}
