import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { chainKey, MOST_CHAINS, readPosition, writePosition } from './stream-position.js';

const positions = fc.record({
  since: fc.nat({ max: 2 ** 48 - 1 }),
  chains: fc
    .array(fc.tuple(fc.uuid(), fc.uuid(), fc.nat({ max: 2 ** 48 - 1 })), { maxLength: 20 })
    .map((rows) => new Map(rows.map(([zone, writer, seq]) => [chainKey(zone, writer), seq]))),
});

test('a position is read as it was written', () => {
  fc.assert(
    fc.property(positions, (position) => {
      expect(readPosition(writePosition(position))).toEqual(position);
    }),
  );
});

test('what is no position is none', () => {
  const [chains, since] = [new Map<string, number>(), 1_000];
  const good = writePosition({ since, chains });
  const bytes = Buffer.from(good, 'base64url');
  const other = Buffer.from(bytes);
  other[0] = 2;
  const bad = ['', 'x', `${good}A`, `${good}=`, 'ä', other.toString('base64url'), '\u0000'];
  for (const text of bad) expect([text, readPosition(text)]).toEqual([text, null]);
  fc.assert(fc.property(fc.string(), (text) => void readPosition(text)));
});

test('the largest fits a header', () => {
  const id = '0192f0c1-0000-7000-8000-';
  const chains = new Map(
    Array.from({ length: MOST_CHAINS }, (_, n) => [
      chainKey(`${id}00000000000a`, id + String(n).padStart(12, '0')),
      n,
    ]),
  );
  const text = writePosition({ since: 0, chains });
  expect(text.length).toBeLessThan(8_000);
  expect(readPosition(text)?.chains.size).toBe(MOST_CHAINS);
});
