import { createHash, randomBytes } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeKey, looksWeak } from './key-material.js';

const bytes = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((array) => Buffer.from(array));

describe('decodeKey', () => {
  test('reads hex in either case, base64 and base64url, padded or not', () => {
    fc.assert(
      fc.property(bytes, (key) => {
        const spellings = [
          key.toString('hex'),
          key.toString('hex').toUpperCase(),
          key.toString('base64'),
          key.toString('base64').replaceAll('=', ''),
          key.toString('base64url'),
        ];
        for (const text of spellings) expect(decodeKey(text, 32)?.equals(key)).toBe(true);
      }),
    );
  });

  test.each([
    '',
    'x',
    '0'.repeat(62),
    '0'.repeat(63),
    '0'.repeat(66),
    `0x${'0'.repeat(64)}`,
    randomBytes(31).toString('base64'),
    randomBytes(33).toString('base64'),
    `${randomBytes(32).toString('base64')}\n`,
    ` ${randomBytes(32).toString('base64')}`,
    `${randomBytes(32).toString('base64')}==`,
    'correct horse battery staple',
  ])('refuses %j', (text) => {
    expect(decodeKey(text, 32)).toBeNull();
  });

  test('is total, and what it reads has the length that was asked for', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 1, max: 40 }), (text, length) => {
        expect(decodeKey(text, length)?.length ?? length).toBe(length);
      }),
    );
  });
});

function counting(step: number): Buffer {
  return Buffer.from(Array.from({ length: 32 }, (_, i) => i * step));
}

describe('looksWeak', () => {
  test.each<[string, Buffer]>([
    ['zeros', Buffer.alloc(32)],
    ['one byte over and over', Buffer.alloc(32, 0xa7)],
    ['a pattern', Buffer.alloc(32, 'deadbeef', 'hex')],
    ['fifteen bytes over and over', Buffer.alloc(32, randomBytes(15))],
    ['counting up', counting(1)],
    ['counting down', counting(-1)],
    ['counting in steps', counting(7)],
    ['text', Buffer.from('correct horse battery staple 123')],
    ['hex digits that were taken for bytes', Buffer.from('0123456789abcdef0123456789abcdef')],
  ])('recognises %s', (_name, key) => {
    expect(key).toHaveLength(32);
    expect(looksWeak(key)).toBe(true);
  });

  test('accepts random keys', () => {
    for (let n = 0; n < 5_000; n += 1) {
      const key = createHash('sha256').update(`key ${n}`).digest();
      expect(looksWeak(key)).toBe(false);
    }
  });
});
