import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readCursor, writeCursor } from './feed-cursor.js';

const ZONE = '01990000-0000-7000-8000-000000000001';
const OTHER = '01990000-0000-7000-8000-000000000002';

test('a cursor is read as it was written, and in no other zone', () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.nat({ max: 2 ** 40 - 1 }), (position, at) => {
      const text = writeCursor(ZONE, { position, at });
      expect(text).toMatch(/^[A-Za-z0-9_-]{23}$/);
      expect(readCursor(ZONE, text)).toEqual({ position, at });
      expect(readCursor(OTHER, text)).toBeNull();
    }),
  );
});

test('anything else is no cursor', () => {
  const text = writeCursor(ZONE, { position: 7, at: 1_790_000_000 });
  for (const other of [
    '',
    ' ',
    '0',
    'null',
    '\0',
    text.slice(1),
    `${text}A`,
    `${text}=`,
    `${text} `,
  ]) {
    expect(readCursor(ZONE, other), other).toBeNull();
  }
  fc.assert(fc.property(fc.string(), (other) => readCursor(ZONE, other) === null));
});
