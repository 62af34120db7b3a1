import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isSubjectIdentifier } from './subject-identifier.js';

const show = (codePoint: number): string => `U+${codePoint.toString(16).padStart(4, '0')}`;

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, offset) => first + offset);
}

/** Written out rather than derived from Unicode classes, as a check on the classes. */
// prettier-ignore
const FORBIDDEN = [
  ...range(0x00, 0x1f),
  ...range(0x7f, 0x9f),
  0xad, 0x34f, 0x61c, 0x115f, 0x180e, 0x3164,
  ...range(0x200b, 0x200f),
  ...range(0x2028, 0x202e),
  ...range(0x2060, 0x206f),
  ...range(0xfdd0, 0xfdef),
  0xfe0f, 0xfeff, 0xfff9, 0xfffd, 0xfffe, 0xffff, 0x1fffe, 0x10ffff, 0xe0001, 0xe0041,
  0xd800, 0xdbff, 0xdc00, 0xdfff,
];

const EDGE_SPACES = [0x20, 0xa0, 0x1680, ...range(0x2000, 0x200a), 0x202f, 0x205f, 0x3000];

describe('isSubjectIdentifier', () => {
  test.each([
    'a',
    'alice',
    'alice@example.com',
    'auth0|5f7c8ec7c33c6c004bbafe82',
    'https://issuer.example/users/1',
    'spiffe://example.org/ns/prod/sa/agent',
    'CN=Alice Example, O=Example',
    'Ålesund',
    'и́ван',
    '李小龍',
    '😀',
    'a'.repeat(512),
    'é'.repeat(256),
    '😀'.repeat(128),
  ])('accepts %j', (value) => {
    expect(isSubjectIdentifier(value)).toBe(true);
  });

  test.each([
    ['the empty string', ''],
    ['513 bytes', 'a'.repeat(513)],
    ['513 bytes in 257 characters', `${'é'.repeat(256)}a`],
    ['a number', 1],
    ['null', null],
    ['undefined', undefined],
    ['an array', ['alice']],
    ['a string object', Object('alice')],
  ])('refuses %s', (_, value) => {
    expect(isSubjectIdentifier(value)).toBe(false);
  });

  test.each(FORBIDDEN.map((codePoint) => [show(codePoint), codePoint] as const))(
    'refuses %s anywhere',
    (_, codePoint) => {
      const character = String.fromCodePoint(codePoint);
      for (const value of [character, `${character}a`, `a${character}b`, `a${character}`]) {
        expect(isSubjectIdentifier(value)).toBe(false);
      }
    },
  );

  test.each(EDGE_SPACES.map((codePoint) => [show(codePoint), codePoint] as const))(
    'refuses the white space %s at either end only',
    (_, codePoint) => {
      const character = String.fromCodePoint(codePoint);
      expect(isSubjectIdentifier(`${character}a`)).toBe(false);
      expect(isSubjectIdentifier(`a${character}`)).toBe(false);
      expect(isSubjectIdentifier(`a${character}b`)).toBe(true);
    },
  );

  test('accepts only what survives storage, transport and trimming unchanged', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 20 }), (value) => {
        fc.pre(isSubjectIdentifier(value));
        expect(Buffer.from(value, 'utf8').toString('utf8')).toBe(value);
        expect(value.trim()).toBe(value);
        expect(JSON.parse(JSON.stringify(value))).toBe(value);
        expect(new TextEncoder().encode(value).length).toBeLessThanOrEqual(512);
      }),
    );
  });

  test('does not normalise', () => {
    expect(isSubjectIdentifier('e\u0301')).toBe(true);
    expect(isSubjectIdentifier('\u00e9')).toBe(true);
  });
});
