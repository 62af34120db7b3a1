import { inflateSync } from 'node:zlib';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { LIST_SIZE } from '../../ledger/status-lists/status-list.js';
import { encodeList, statusListClaims } from './status-list-token.js';

const indices = (numbers: readonly number[]): Buffer => {
  const bytes = Buffer.alloc(numbers.length * 4);
  numbers.forEach((number, n) => bytes.writeUInt32BE(number, n * 4));
  return bytes;
};
const bitsIn = (lst: string) => inflateSync(Buffer.from(lst, 'base64url'));

test('has the bits of the example of the draft (4.1)', async () => {
  const lst = await encodeList([indices([0, 3, 4, 5, 7]), indices([8, 9, 13, 15])]);
  expect(bitsIn(lst).subarray(0, 3)).toEqual(Buffer.from([0xb9, 0xa3, 0x00]));
});

test('has one bit for each index, and is of one length', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(fc.nat(LIST_SIZE - 1), { maxLength: 500 }), async (numbers) => {
      const bits = bitsIn(await encodeList([indices(numbers)]));
      expect(bits.length).toBe(LIST_SIZE / 8);
      const set = new Set<number>();
      for (const [at, byte] of bits.entries()) {
        for (let bit = 0; bit < 8; bit += 1) if ((byte >> bit) & 1) set.add(at * 8 + bit);
      }
      expect(set).toEqual(new Set(numbers));
    }),
    { numRuns: 20 },
  );
});

test('is next to nothing as long as nothing was taken back, and never much', async () => {
  expect((await encodeList([])).length).toBeLessThan(300);
  const half = Array.from({ length: LIST_SIZE }, (_, n) => n).filter(() => Math.random() < 0.5);
  expect((await encodeList([indices(half)])).length).toBeLessThan(180_000);
});

test('is not to be relied on after two periods and a second', () => {
  const claims = statusListClaims({
    issuer: 'https://sts.example/zones/z',
    uri: 'https://sts.example/zones/z/status/498705-0',
    aggregationUri: 'https://sts.example/zones/z/status',
    lst: 'x',
    readAt: 1_795_340_000_999,
    period: 30,
  });
  expect(claims).toEqual({
    iss: 'https://sts.example/zones/z',
    sub: 'https://sts.example/zones/z/status/498705-0',
    iat: 1_795_340_000,
    exp: 1_795_340_061,
    ttl: 30,
    status_list: { bits: 1, lst: 'x', aggregation_uri: 'https://sts.example/zones/z/status' },
  });
});
