/** What is written as CBOR here: whole numbers, bytes, text, lists, maps, tags and null (RFC 8949). */
export type Cbor = null | number | string | Uint8Array | readonly Cbor[] | CborMap | CborTag;

/** A map whose labels are whole numbers or text, each once. */
export type CborMap = ReadonlyMap<number | string, Cbor>;

/** A value with a tag (RFC 8949 section 3.4). */
export class CborTag {
  constructor(
    readonly tag: number,
    readonly value: Cbor,
  ) {}
}

/** Kinds of values (RFC 8949 section 3.1). */
const MAJOR = { uint: 0, nint: 1, bytes: 2, text: 3, list: 4, map: 5, tag: 6 } as const;
const NULL = 0xf6;
/** How many values may be in each other. */
const MOST_DEPTH = 16;

/**
 * Writes a value in the one form that RFC 8949 section 4.2.1 calls core deterministic: shortest heads, no indefinite lengths,
 * labels sorted by their bytes.
 *
 * @throws RangeError for a number that is not whole, or not exact
 */
export function encodeCbor(value: Cbor): Buffer {
  if (value === null) return Buffer.of(NULL);
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value)) throw new RangeError('not a whole number');
    return value < 0 ? head(MAJOR.nint, -1 - value) : head(MAJOR.uint, value);
  }
  if (typeof value === 'string') {
    const text = Buffer.from(value);
    return Buffer.concat([head(MAJOR.text, text.length), text]);
  }
  if (value instanceof Uint8Array) return Buffer.concat([head(MAJOR.bytes, value.length), value]);
  if (value instanceof CborTag) {
    return Buffer.concat([head(MAJOR.tag, value.tag), encodeCbor(value.value)]);
  }
  if (!isList(value)) {
    const members = [...value].map(
      ([label, held]) => [encodeCbor(label), encodeCbor(held)] as const,
    );
    const sorted = members.toSorted(([one], [other]) => Buffer.compare(one, other));
    return Buffer.concat([head(MAJOR.map, members.length), ...sorted.flat()]);
  }
  return Buffer.concat([head(MAJOR.list, value.length), ...value.map(encodeCbor)]);
}

function isList(value: readonly Cbor[] | CborMap): value is readonly Cbor[] {
  return Array.isArray(value);
}

function head(major: number, n: number): Buffer {
  const kind = major * 32;
  if (n < 24) return Buffer.of(kind + n);
  if (n < 0x100) return Buffer.of(kind + 24, n);
  const bytes = Buffer.alloc(n < 0x1_0000 ? 3 : n < 0x1_0000_0000 ? 5 : 9);
  bytes[0] = kind + (bytes.length === 3 ? 25 : bytes.length === 5 ? 26 : 27);
  if (bytes.length === 3) bytes.writeUInt16BE(n, 1);
  else if (bytes.length === 5) bytes.writeUInt32BE(n, 1);
  else bytes.writeBigUInt64BE(BigInt(n), 1);
  return bytes;
}

/**
 * Reads what {@link encodeCbor} writes, and nothing else: a value has one spelling, so that what was read is what was signed.
 *
 * @returns undefined if it is anything else
 */
export function decodeCbor(bytes: Uint8Array): Cbor | undefined {
  try {
    const reader = new Reader(Buffer.from(bytes));
    const value = reader.value(0);
    return reader.isAtEnd && encodeCbor(value).equals(bytes) ? value : undefined;
  } catch (error) {
    if (error instanceof RangeError || error instanceof TypeError) return undefined;
    throw error;
  }
}

/** Reads values one behind the other. */
class Reader {
  private at = 0;

  constructor(private readonly bytes: Buffer) {}

  get isAtEnd(): boolean {
    return this.at === this.bytes.length;
  }

  /** @throws {RangeError} {TypeError} for what is none of ours */
  value(depth: number): Cbor {
    if (depth > MOST_DEPTH) throw new RangeError('too deep');
    const first = this.take(1).readUInt8();
    if (first === NULL) return null;
    const n = this.argument(first % 32);
    switch (Math.floor(first / 32)) {
      case MAJOR.uint:
        return n;
      case MAJOR.nint:
        return -1 - n;
      case MAJOR.bytes:
        return this.take(n);
      case MAJOR.text:
        return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(this.take(n));
      case MAJOR.list:
        return this.list(n, depth);
      case MAJOR.map:
        return this.map(n, depth);
      case MAJOR.tag:
        return new CborTag(n, this.value(depth + 1));
      default:
        throw new RangeError('of another kind');
    }
  }

  private list(many: number, depth: number): Cbor[] {
    const list: Cbor[] = [];
    // Each has a byte at least, so a length that is made up ends with the bytes.
    for (let i = 0; i < many; i += 1) list.push(this.value(depth + 1));
    return list;
  }

  private map(many: number, depth: number): CborMap {
    const map = new Map<number | string, Cbor>();
    for (let i = 0; i < many; i += 1) {
      const label = this.value(depth + 1);
      if (typeof label !== 'number' && typeof label !== 'string') throw new RangeError('a label');
      if (map.has(label)) throw new RangeError('a label twice');
      map.set(label, this.value(depth + 1));
    }
    return map;
  }

  private argument(short: number): number {
    if (short < 24) return short;
    if (short === 24) return this.take(1).readUInt8();
    if (short === 25) return this.take(2).readUInt16BE();
    if (short === 26) return this.take(4).readUInt32BE();
    const long = short === 27 ? this.take(8).readBigUInt64BE() : -1n;
    if (long < 0n || long > BigInt(Number.MAX_SAFE_INTEGER)) throw new RangeError('a length');
    return Number(long);
  }

  private take(many: number): Buffer {
    if (many > this.bytes.length - this.at) throw new RangeError('cut off');
    this.at += many;
    return this.bytes.subarray(this.at - many, this.at);
  }
}
