import { deflateSync, crc32 } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { logoDigest, logoPath, logoProblem, MAX_LOGO_BYTES } from './logo.js';

const SIGNATURE = Buffer.from('89504e470d0a1a0a', 'hex');

function chunk(type: string, data: Buffer = Buffer.alloc(0)): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const [length, checksum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  checksum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, checksum]);
}

function header(width: number, height: number): Buffer {
  const data = Buffer.from('00000000000000000800000000', 'hex');
  data.writeUInt32BE(width, 0);
  data.writeUInt32BE(height, 4);
  return chunk('IHDR', data);
}

const PIXELS = chunk('IDAT', deflateSync(Buffer.from([0, 0])));
const END = chunk('IEND');
const png = (...chunks: readonly Buffer[]) => Buffer.concat([SIGNATURE, ...chunks]);
const GOOD = png(header(1, 1), PIXELS, END);

test('takes a PNG image', () => {
  expect(logoProblem(GOOD)).toBeNull();
  expect(logoProblem(png(header(1_024, 1_024), chunk('tEXt'), PIXELS, PIXELS, END))).toBeNull();
});

test.each<readonly [string, Buffer]>([
  ['nothing', Buffer.alloc(0)],
  ['a signature alone', SIGNATURE],
  ['no pixels', png(header(1, 1), END)],
  ['no end', png(header(1, 1), PIXELS)],
  ['something behind the end', Buffer.concat([GOOD, Buffer.from('<script>')])],
  ['a chunk behind the end', Buffer.concat([GOOD, chunk('tEXt')])],
  ['two headers', png(header(1, 1), header(1, 1), PIXELS, END)],
  ['the header later', png(chunk('tEXt'), header(1, 1), PIXELS, END)],
  ['a header of another length', png(chunk('IHDR', Buffer.alloc(14, 1)), PIXELS, END)],
  ['no width', png(header(0, 1), PIXELS, END)],
  ['SVG', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>')],
  ['GIF', Buffer.from('GIF89a\u0001\u0000\u0001\u0000', 'latin1')],
])('refuses %s', (_what, content) => {
  expect(logoProblem(content)).toMatch(/must be a PNG image/);
});

test('refuses what is too large, as a file or on a screen', () => {
  expect(logoProblem(png(header(1_025, 1), PIXELS, END))).toMatch(/1024 pixels/);
  expect(logoProblem(png(header(1, 1_025), PIXELS, END))).toMatch(/1024 pixels/);
  const around = png(header(1, 1), chunk('tEXt'), PIXELS, END).length;
  const filled = (bytes: number) =>
    png(header(1, 1), chunk('tEXt', Buffer.alloc(bytes - around)), PIXELS, END);
  expect(logoProblem(filled(MAX_LOGO_BYTES))).toBeNull();
  expect(logoProblem(filled(MAX_LOGO_BYTES + 1))).toMatch(/64 KiB/);
});

test('refuses an image of which a byte is missing or another, and never throws', () => {
  fc.assert(
    fc.property(fc.nat(GOOD.length - 1), fc.integer({ min: 1, max: 255 }), (at, by) => {
      const other = Buffer.from(GOOD);
      other.writeUInt8((other.readUInt8(at) + by) % 256, at);
      expect(logoProblem(other)).not.toBeNull();
      expect(logoProblem(GOOD.subarray(0, at))).not.toBeNull();
      expect(logoProblem(Buffer.concat([SIGNATURE, GOOD.subarray(at)]))).toSatisfy(
        (found) => at === SIGNATURE.length || found !== null,
      );
    }),
  );
});

test('is named by what is in it', () => {
  const path = logoPath(logoDigest(GOOD));
  expect(path).toMatch(/^\/step-up\/logos\/[A-Za-z0-9_-]{43}\.png$/);
  expect(logoPath(logoDigest(Buffer.concat([GOOD, GOOD])))).not.toBe(path);
});
