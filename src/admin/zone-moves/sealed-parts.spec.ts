import { randomBytes } from 'node:crypto';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { BrokenFile, openParts, Pieces, SealedParts } from './sealed-parts.js';

const KEY = randomBytes(32);
const HEAD = '{"mandate_zone":1}';

async function sealed(lines: readonly string[], key = KEY, head = HEAD): Promise<Buffer> {
  const written: Buffer[] = [];
  const parts = new SealedParts(head, key, async (bytes) => void written.push(bytes));
  await parts.begin();
  for (const line of lines) await parts.add(line);
  await parts.end();
  return Buffer.concat(written);
}

async function* inPieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function opened(bytes: Buffer, key = KEY, size = 7): Promise<string[]> {
  const pieces = new Pieces(inPieces(bytes, size));
  const lines: string[] = [];
  for await (const line of openParts(pieces, await pieces.line(), key)) lines.push(line);
  return lines;
}

/** Lines of more than one part, which differ. */
const LONG = Array.from({ length: 5 }, (_, i) => `${i}${'x'.repeat(700_000)}`);

test('opens what it sealed, in whatever pieces it is read', async () => {
  const line = fc.string({ unit: 'grapheme' }).map((text) => JSON.stringify(text));
  await fc.assert(
    fc.asyncProperty(fc.array(line), fc.integer({ min: 1, max: 99 }), async (lines, size) => {
      expect(await opened(await sealed(lines), KEY, size)).toEqual(lines);
    }),
  );
  expect(await opened(await sealed(LONG), KEY, 65_536)).toEqual(LONG);
});

test('opens nothing that was changed, cut off, left out, put elsewhere or added', async () => {
  const bytes = await sealed(['one', 'two']);
  for (let at = 0; at < bytes.length; at += 1) {
    const changed = Buffer.from(bytes);
    changed[at] = (changed[at] ?? 0) ^ 1;
    await expect(opened(changed)).rejects.toThrow(BrokenFile);
    await expect(opened(bytes.subarray(0, at))).rejects.toThrow(BrokenFile);
  }
  await expect(opened(Buffer.concat([bytes, Buffer.of(0)]))).rejects.toThrow(BrokenFile);
  await expect(opened(bytes, randomBytes(32))).rejects.toThrow(BrokenFile);
  await expect(opened(Buffer.alloc(100_000, 'x'))).rejects.toThrow(BrokenFile);

  const [head, ...parts] = partsOf(await sealed(LONG));
  expect(parts.length).toBeGreaterThan(2);
  const [first, second, ...rest] = parts;
  for (const wrong of [
    [second, first, ...rest],
    [second, ...rest],
    [first, first, second, ...rest],
    [first, second],
  ]) {
    const file = Buffer.concat([head, ...wrong].map((part) => part ?? Buffer.alloc(0)));
    await expect(opened(file, KEY, 65_536)).rejects.toThrow(BrokenFile);
  }
});

/** The head with its line feed, and the parts. */
function partsOf(file: Buffer): Buffer[] {
  let at = file.indexOf('\n') + 1;
  const parts = [file.subarray(0, at)];
  while (at < file.length) {
    const end = at + 5 + file.readUInt32BE(at + 1);
    parts.push(file.subarray(at, end));
    at = end;
  }
  return parts;
}
