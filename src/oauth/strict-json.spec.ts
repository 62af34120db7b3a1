import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { InvalidJson, MAX_JSON_DEPTH, readStrictJson } from './strict-json.js';

/** The reason for which a text is refused, or null if it is accepted. */
function refusal(text: string): string | null {
  try {
    readStrictJson(text);
    return null;
  } catch (error) {
    if (error instanceof InvalidJson) return error.reason;
    throw error;
  }
}

/** What `JSON.parse` makes of a text, or undefined if it refuses. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A value with a mark at every object in it that inherits members. */
function prototypes(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(prototypes);
  const members = Object.entries(value).map(([name, inner]) => [name, prototypes(inner)]);
  return [Object.getPrototypeOf(value) === null ? 'bare' : 'inherited', members];
}

const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);

// prettier-ignore
const PIECES = [
  '{', '}', '[', ']', ',', ':', '"a"', '"\\u0061"', '"', '\\', '0', '-', '1e3', '.5', 'e',
  'true', 'null', ' ', '\n', '\u00a0', '"\\ud800"', '\0', '1e400', '"__proto__"', '"b"',
];

/** Texts that are JSON, nearly JSON, or made of its pieces. */
const texts = fc.oneof(
  fc.json({ stringUnit: 'binary' }),
  fc.json().chain((json) =>
    fc.tuple(fc.nat(json.length), fc.nat(3), fc.string({ maxLength: 2 })).map(([at, cut, put]) => {
      return json.slice(0, at) + put + json.slice(at + cut);
    }),
  ),
  fc.array(fc.constantFrom(...PIECES), { maxLength: 12 }).map((pieces) => pieces.join('')),
  fc.string(),
);

describe('readStrictJson', () => {
  test('agrees with JSON.parse on whatever JSON.stringify writes', () => {
    fc.assert(
      fc.property(
        fc.jsonValue({ maxDepth: 6, stringUnit: 'grapheme' }),
        fc.constantFrom(undefined, 1, '\t\r\n'),
        (value, indent) => {
          const text = JSON.stringify(value, null, indent);
          fc.pre(!text.includes('__proto__') && !text.includes('\\u0000'));
          expect(readStrictJson(text)).toEqual(JSON.parse(text));
        },
      ),
      { numRuns: 500 },
    );
  });

  test('accepts nothing that JSON.parse refuses, and refuses the rest for a reason', () => {
    fc.assert(
      fc.property(texts, (text) => {
        const reason = refusal(text);
        if (reason === null) expect(readStrictJson(text)).toEqual(parsed(text));
        if (reason === 'not_json') expect(parsed(text)).toBeUndefined();
      }),
      { numRuns: 2_000 },
    );
  });

  test('reads a text as encoders write it as it reads the same text with white space around it', () => {
    const outcome = (text: string): unknown => refusal(text) ?? prototypes(readStrictJson(text));
    const compact = fc.jsonValue({ maxDepth: 6 }).map((value) => JSON.stringify(value));
    fc.assert(
      fc.property(fc.oneof(compact, texts), (text) => {
        expect(outcome(text)).toEqual(outcome(` ${text}`));
      }),
      { numRuns: 2_000 },
    );
  });

  test('refuses any document in which a member is written twice, wherever it is', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 1 }), { minKeys: 1, maxKeys: 5 }),
        fc.nat(),
        fc.boolean(),
        (members, pick, escape) => {
          const names = Object.keys(members);
          const name = names[pick % names.length] ?? '';
          const again = escape
            ? `"${Array.from({ length: name.length }, (_, at) => escaped(name, at)).join('')}"`
            : JSON.stringify(name);
          const text = `[{"x":${JSON.stringify(members).slice(0, -1)},${again}:0}}]`;
          expect(['duplicate_member', 'proto_member']).toContain(refusal(text));
        },
      ),
    );
  });

  test.each([
    ['{"a":1,"a":1}', 'duplicate_member'],
    ['{"a":1,"\\u0061":2}', 'duplicate_member'],
    ['{"":1,"":2}', 'duplicate_member'],
    ['[{"x":{"a":1,"b":2,"a":3}}]', 'duplicate_member'],
    ['{"__proto__":1}', 'proto_member'],
    ['{"a":{"__proto__":{"b":1}}}', 'proto_member'],
    ['{"\\u005f_proto__":null}', 'proto_member'],
    ['"\\ud800"', 'lone_surrogate'],
    ['"\ud800"', 'lone_surrogate'],
    ['{"\\udc00":1}', 'lone_surrogate'],
    ['"\\u0000"', 'nul_character'],
    ['1e400', 'number_out_of_range'],
    ['[-1E+999]', 'number_out_of_range'],
    [nested(MAX_JSON_DEPTH + 1), 'too_deep'],
    [`${'{"a":'.repeat(MAX_JSON_DEPTH + 1)}1${'}'.repeat(MAX_JSON_DEPTH + 1)}`, 'too_deep'],
    [nested(500_000), 'too_deep'],
    ['"a\\u0000b"', 'nul_character'],
    ['['.repeat(1_000_000), 'too_deep'],
    ['', 'not_json'],
    ['\uFEFF{}', 'not_json'],
    ['{}{}', 'not_json'],
    ['{"a":1,}', 'not_json'],
    ['[1,]', 'not_json'],
    ['[,1]', 'not_json'],
    ['{a:1}', 'not_json'],
    ['01', 'not_json'],
    ['+1', 'not_json'],
    ['1.', 'not_json'],
    ['.5', 'not_json'],
    ['0x10', 'not_json'],
    ['-', 'not_json'],
    ['NaN', 'not_json'],
    ['nul', 'not_json'],
    ['truefalse', 'not_json'],
    ['"\n"', 'not_json'],
    ['"\\x41"', 'not_json'],
    ['"\\', 'not_json'],
    ['"abc', 'not_json'],
    ["'a'", 'not_json'],
    ['undefined', 'not_json'],
    ['{"a" 1}', 'not_json'],
    ['{1:1}', 'not_json'],
  ])('refuses %j', (text, reason) => {
    expect(refusal(text)).toBe(reason);
  });

  test('accepts the same name in different objects, and what merely looks alike', () => {
    expect(readStrictJson('[{"a":{"a":1}},{"a":2},{"A":3,"a":4}]')).toEqual([
      { a: { a: 1 } },
      { a: 2 },
      { A: 3, a: 4 },
    ]);
  });

  test('accepts a surrogate pair, and nesting up to the bound', () => {
    expect(readStrictJson('"\\ud83d\\ude00"')).toBe('😀');
    expect(refusal(nested(MAX_JSON_DEPTH))).toBeNull();
  });

  test('finds no members that were not written', () => {
    for (const text of ['{}', ' {}', '[[{"a":{}}]]', '{"a": [{}]}']) {
      expect(JSON.stringify(prototypes(readStrictJson(text)))).not.toContain('inherited');
    }
  });

  test('takes any text in a member that is opaque, and no other liberty', () => {
    const read = (text: string) => readStrictJson(text, new Set(['t']));
    expect(read('{"t":["a\\u0000","\\ud800"]}')).toEqual({ t: ['a\0', '\ud800'] });
    for (const text of [
      '{"s":"\\u0000"}',
      '{"t":"","s":"\\u0000"}',
      '{"s":{"t":"\\u0000"}}',
      '{"t\\u0000":""}',
    ]) {
      expect(() => read(text)).toThrow('nul_character');
    }
    expect(() => read('{"t":[],"t":[]}')).toThrow('duplicate_member');
  });
});

function escaped(text: string, at: number): string {
  return `\\u${text.charCodeAt(at).toString(16).padStart(4, '0')}`;
}
