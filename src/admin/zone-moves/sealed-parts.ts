import { createHash } from 'node:crypto';
import { gunzipSync, gzipSync } from 'node:zlib';
import { decrypt, encrypt, NotAuthentic } from '../../sealing/aes-gcm.js';

/**
 * A file of lines, sealed part by part, so that no more than one is in memory: a line of JSON in clear, its head; then parts of
 * a byte (1 for the last one), four bytes of length, and nonce, ciphertext and tag of AES-256-GCM. Head, number and whether it
 * is the last are associated data of each part: none can be left out, put elsewhere or added.
 */

/** About how many characters of lines are in one part, and the most bytes that one may have, sealed and opened. */
const PART = 1 << 20;
const MOST_SEALED = 64 << 20;
const MOST_OPENED = 256 << 20;
const MOST_HEAD = 16_384;

/** Why a file cannot be opened. */
export class BrokenFile extends Error {
  override readonly name = 'BrokenFile';
}

/** Seals lines. */
export class SealedParts {
  private lines: string[] = [];
  private size = 0;
  private number = 0;

  /** @param write writes bytes, and waits until there is room for more */
  constructor(
    private readonly head: string,
    private readonly key: Buffer,
    private readonly write: (bytes: Buffer) => Promise<void>,
  ) {}

  /** Writes the head, which is in clear. */
  async begin(): Promise<void> {
    await this.write(Buffer.from(`${this.head}\n`));
  }

  /** @param line without a line feed */
  async add(line: string): Promise<void> {
    this.lines.push(line);
    this.size += line.length;
    if (this.size >= PART) await this.flush(false);
  }

  /** Writes the last part. */
  async end(): Promise<void> {
    await this.flush(true);
  }

  private async flush(last: boolean): Promise<void> {
    const plain = gzipSync(this.lines.map((line) => `${line}\n`).join(''), { level: 1 });
    const sealed = encrypt(this.key, placeOf(this.head, this.number, last), plain);
    if (sealed.length > MOST_SEALED) throw new BrokenFile('a row of the zone is too large');
    const length = Buffer.alloc(5);
    length.writeUInt8(last ? 1 : 0, 0);
    length.writeUInt32BE(sealed.length, 1);
    await this.write(Buffer.concat([length, sealed]));
    this.lines = [];
    this.size = 0;
    this.number += 1;
  }
}

/** Reads bytes of a file in pieces of any length. */
export class Pieces {
  private kept: Buffer = Buffer.alloc(0);
  private readonly source: AsyncIterator<Buffer>;

  constructor(source: AsyncIterable<Buffer>) {
    this.source = source[Symbol.asyncIterator]();
  }

  /** @throws {BrokenFile} if it ends before */
  async take(bytes: number): Promise<Buffer> {
    await this.fill(bytes);
    const taken = this.kept.subarray(0, bytes);
    this.kept = this.kept.subarray(bytes);
    return taken;
  }

  /** Up to the first line feed. @throws {BrokenFile} */
  async line(): Promise<string> {
    for (;;) {
      const at = this.kept.indexOf('\n');
      // oxlint-disable-next-line no-await-in-loop
      if (at >= 0) return (await this.take(at + 1)).toString('utf8', 0, at);
      if (this.kept.length > MOST_HEAD) throw new BrokenFile('the file is none of a zone');
      // oxlint-disable-next-line no-await-in-loop
      await this.fill(this.kept.length + 1);
    }
  }

  private async fill(bytes: number): Promise<void> {
    const pieces = [this.kept];
    let { length } = this.kept;
    while (length < bytes) {
      // oxlint-disable-next-line no-await-in-loop
      const next = await this.source.next();
      if (next.done === true) throw new BrokenFile('the file is cut off');
      pieces.push(next.value);
      length += next.value.length;
    }
    this.kept = pieces.length === 1 ? this.kept : Buffer.concat(pieces);
  }

  /** Whether nothing is left. */
  async isAtEnd(): Promise<boolean> {
    return this.kept.length === 0 && (await this.source.next()).done === true;
  }
}

/**
 * Opens what {@link SealedParts} has sealed, behind its head.
 *
 * @throws {BrokenFile} where it is not what was sealed
 */
export async function* openParts(
  pieces: Pieces,
  head: string,
  key: Buffer,
): AsyncGenerator<string> {
  for (let number = 0, last = false; !last; number += 1) {
    // oxlint-disable no-await-in-loop
    const length = await pieces.take(5);
    last = length.readUInt8(0) === 1;
    const size = length.readUInt32BE(1);
    if (size > MOST_SEALED) throw new BrokenFile('the file is not as it was written');
    const sealed = await pieces.take(size);
    // oxlint-enable no-await-in-loop
    yield* linesOf(openPart(sealed, placeOf(head, number, last), key));
  }
  if (!(await pieces.isAtEnd())) throw new BrokenFile('there is something behind the end');
}

function openPart(sealed: Buffer, place: Buffer, key: Buffer): string {
  try {
    return gunzipSync(decrypt(key, place, sealed), { maxOutputLength: MOST_OPENED }).toString();
  } catch (cause) {
    if (!(cause instanceof NotAuthentic) && !(cause instanceof Error)) throw cause;
    throw new BrokenFile('the file is not as it was written', { cause });
  }
}

function linesOf(text: string): string[] {
  return text.split('\n').slice(0, -1);
}

function placeOf(head: string, number: number, last: boolean): Buffer {
  const digest = createHash('sha256').update(head).digest('hex');
  return Buffer.from(JSON.stringify(['mandate zone part', digest, number, last]));
}
