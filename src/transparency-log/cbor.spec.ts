import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CborTag, decodeCbor, encodeCbor, type Cbor } from './cbor.js';

const label = fc.oneof(fc.maxSafeInteger(), fc.string());
const { value: anything } = fc.letrec<{ value: Cbor }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constant(null),
    fc.maxSafeInteger().filter((n) => n > Number.MIN_SAFE_INTEGER),
    fc.string({ unit: 'grapheme' }),
    fc.uint8Array().map((bytes) => Buffer.from(bytes)),
    fc.array(tie('value'), { maxLength: 4 }),
    fc
      .array(fc.tuple(label, tie('value')), { maxLength: 4 })
      .map((members) => new Map(members) as Cbor),
    fc.tuple(fc.nat(), tie('value')).map(([tag, value]) => new CborTag(tag, value)),
  ),
}));

describe('CBOR', () => {
  // RFC 8949 appendix A.
  test.each<[Cbor, string]>([
    [0, '00'],
    [23, '17'],
    [24, '1818'],
    [1000, '1903e8'],
    [1_000_000, '1a000f4240'],
    [1_000_000_000_000, '1b000000e8d4a51000'],
    [-1, '20'],
    [-100, '3863'],
    [null, 'f6'],
    ['ü', '62c3bc'],
    [Buffer.from('01020304', 'hex'), '4401020304'],
    [[1, [2, 3], [4, 5]], '8301820203820405'],
    [
      new Map<string, Cbor>([
        ['b', [2, 3]],
        ['a', 1],
      ]),
      'a26161016162820203',
    ],
    [new CborTag(18, []), 'd280'],
  ])('%j is %s', (value, hex) => {
    expect(encodeCbor(value).toString('hex')).toBe(hex);
    expect(encodeCbor(decodeCbor(Buffer.from(hex, 'hex')) ?? null).toString('hex')).toBe(hex);
  });

  test('what was written is read as it was', () => {
    fc.assert(
      fc.property(anything, (value) => {
        const bytes = encodeCbor(value);
        const read = decodeCbor(bytes);
        expect(read).toBeDefined();
        expect(encodeCbor(read ?? null).equals(bytes)).toBe(true);
      }),
    );
  });

  test.each([
    ['a longer head than it takes', '1817'],
    ['an indefinite length', '9fff'],
    ['something behind it', '0000'],
    ['a length that is made up', '9b000fffffffffffff'],
    ['a number that is not exact', '1bffffffffffffffff'],
    ['a fraction', 'f90000'],
    ['true', 'f5'],
    ['labels that are not sorted', 'a2616201616102'],
    ['a label twice', 'a2616101616102'],
    ['a label that is a list', 'a18001'],
    ['half of a character', '61c3'],
    ['nothing', ''],
    ['very much in each other', '81'.repeat(40) + '00'],
  ])('%s is not read', (_, hex) => {
    expect(decodeCbor(Buffer.from(hex, 'hex'))).toBeUndefined();
  });
});
