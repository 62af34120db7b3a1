import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeComponent, MalformedForm, parseForm, type Form } from './form.js';

const REPEATABLE: ReadonlySet<string> = new Set(['resource', 'audience']);

function parse(body: string | Uint8Array): Form {
  return parseForm(Buffer.from(body), REPEATABLE);
}

/** The reason for which a body is refused, or null if it is accepted. */
function refusal(body: string | Uint8Array): string | null {
  try {
    parse(body);
    return null;
  } catch (error) {
    if (error instanceof MalformedForm) return error.message;
    throw error;
  }
}

/** Well-formed Unicode without NUL. */
const text = fc.string({ unit: 'grapheme' }).filter((value) => !value.includes('\0'));

describe('parseForm', () => {
  test.each<[string, [string, string[]][]]>([
    ['', []],
    ['&', []],
    ['a=1', [['a', ['1']]]],
    [
      '&a=1&&b=2&',
      [
        ['a', ['1']],
        ['b', ['2']],
      ],
    ],
    ['a=1=2', [['a', ['1=2']]]],
    ['a=b+c%20d%2B', [['a', ['b c d+']]]],
    ['a+b=1', [['a b', ['1']]]],
    ['a=%E2%82%AC\u20ac', [['a', ['\u20ac\u20ac']]]],
    ['a=&b', []],
    ['resource=1&resource=&resource=2&resource=1', [['resource', ['1', '2', '1']]]],
    ['__proto__=1', [['__proto__', ['1']]]],
    ['a=\ufeff', [['a', ['\ufeff']]]],
  ])('reads %j', (body, expected) => {
    expect([...parse(body)]).toEqual(expected);
  });

  test.each([
    ['a=1&a=1', 'repeated parameter'],
    ['a=&a=1', 'repeated parameter'],
    ['a&a', 'repeated parameter'],
    ['a=1&%61=2', 'repeated parameter'],
    ['a=%', 'bad percent encoding'],
    ['a=%2', 'bad percent encoding'],
    ['%zz', 'bad percent encoding'],
    ['a=%ff', 'bad percent encoding'],
    ['a=%c0%80', 'bad percent encoding'],
    ['a=%ed%a0%80', 'bad percent encoding'],
    ['a=%00', 'NUL'],
    ['%00=a', 'NUL'],
    ['a=\0', 'NUL'],
    [Buffer.from([0x61, 0x3d, 0xff]), 'bad UTF-8'],
    [Buffer.from([0xed, 0xa0, 0x80]), 'bad UTF-8'],
    ['&'.repeat(100), 'too many parameters'],
  ])('refuses %j', (body, reason) => {
    expect(refusal(body)).toBe(reason);
  });

  test('takes a hundred parameters', () => {
    const body = Array.from({ length: 100 }, (_, n) => `p${n}=${n}`).join('&');
    expect(parse(body).size).toBe(100);
  });

  test('reads back what an encoder wrote', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(
          fc.tuple(
            text,
            text.filter((value) => value !== ''),
          ),
          {
            maxLength: 100,
            selector: ([name]) => name,
          },
        ),
        (pairs) => {
          const body = new URLSearchParams(pairs).toString();
          expect([...parse(body)]).toEqual(pairs.map(([name, value]) => [name, [value]]));
        },
      ),
    );
  });

  test('is total: any bytes are a form or malformed', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => void refusal(bytes)));
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('a', 'b', '%', '0', 'f', '&', '=', '+') }),
        (body) => void refusal(body),
      ),
    );
  });

  test('agrees with URLSearchParams on whatever it accepts', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('a', 'b', '%', '2', '&', '=', '+') }),
        (body) => {
          if (refusal(body) !== null) return;
          const theirs = new Map<string, string[]>();
          for (const [name, value] of new URLSearchParams(body)) {
            if (value !== '') theirs.set(name, [...(theirs.get(name) ?? []), value]);
          }
          expect(new Map(parse(body))).toEqual(theirs);
        },
      ),
    );
  });

  test('takes any text in a parameter that is opaque, and no other liberty', () => {
    const read = (body: string) =>
      parseForm(Buffer.from(body), new Set(), new Set(['token'])).get('token');
    expect(read('token=a%00b+c')).toEqual(['a\0b c']);
    for (const body of ['token=%zz', 'token=%ff', 'token=a&token=b', 'other=%00', 'tok%00en=a']) {
      expect(() => read(body)).toThrow(MalformedForm);
    }
  });
});

describe('decodeComponent', () => {
  test('decodes and refuses what decodeURIComponent does, with a space for each plus', () => {
    const decoded = (decode: () => string): string => {
      try {
        return `decoded ${decode()}`;
      } catch {
        return 'refused';
      }
    };
    const parts = fc.constantFrom(
      'a',
      '+',
      '%',
      '%2',
      '%2B',
      '%C3%A9',
      '%C3',
      '%ff',
      'é',
      '\uD800',
    );
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: parts }), fc.string({ unit: 'binary' })), (input) => {
        fc.pre(!input.includes('\0') && !input.includes('%00'));
        expect(decoded(() => decodeComponent(input))).toBe(
          decoded(() => decodeURIComponent(input.replaceAll('+', ' '))),
        );
      }),
    );
  });

  test('reads back what encodeURIComponent wrote', () => {
    fc.assert(
      fc.property(text, (value) => {
        expect(decodeComponent(encodeURIComponent(value))).toBe(value);
        expect(decodeComponent(encodeURIComponent(value).replaceAll('%20', '+'))).toBe(value);
      }),
    );
  });
});
