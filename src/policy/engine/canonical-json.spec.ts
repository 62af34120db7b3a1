import canonicalize from 'canonicalize';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalJson } from './canonical-json.js';

/** What a function gives or throws, to compare. */
function outcome(run: () => unknown): unknown {
  try {
    return { value: run() };
  } catch (error) {
    return { thrown: error instanceof Error ? error.message : error };
  }
}

/** Names as ours are, and those that objects or sorting treat as special. */
const name = fc.oneof(
  fc.stringMatching(/^[a-z_]{1,6}$/),
  fc.constantFrom(
    '__proto__',
    'constructor',
    'toJSON',
    '10',
    '9',
    '01',
    '',
    'é',
    '\u{1F511}',
    'Z',
    'a_b',
    'ab',
  ),
  fc.string({ unit: 'binary', maxLength: 3 }),
);

const leaf = fc.oneof(
  fc.string({ maxLength: 5 }),
  fc.string({ unit: 'binary', maxLength: 3 }),
  fc.constantFrom(
    '\uD800',
    '\uDC00\uD800',
    '\0',
    '"\\',
    1e21,
    1e-7,
    -0,
    Number.MAX_SAFE_INTEGER,
    Number.NaN,
  ),
  fc.double(),
  fc.integer(),
  fc.boolean(),
  fc.constant(null),
  fc.constant(undefined),
);

const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    leaf,
    fc.array(tie('value'), { maxLength: 4 }),
    fc
      .array(fc.tuple(name, tie('value')), { maxLength: 6 })
      .map((members) => Object.fromEntries(members)),
  ),
}));

describe('canonical JSON', () => {
  test('is what the library makes of the same value, or refuses', () => {
    fc.assert(
      fc.property(value, (random) => {
        const object = { random };
        expect(outcome(() => canonicalJson(object))).toEqual(outcome(() => canonicalize(object)));
      }),
      { numRuns: 3_000 },
    );
  });

  test('of members in any order is the same', () => {
    const members = fc.uniqueArray(fc.tuple(name, leaf), { selector: ([key]) => key });
    fc.assert(
      fc.property(members, (some) => {
        const [one, other] = [some, some.toReversed()].map((each) => Object.fromEntries(each));
        expect(outcome(() => canonicalJson(one ?? {}))).toEqual(
          outcome(() => canonicalJson(other ?? {})),
        );
      }),
    );
  });

  test.each([
    ['names that look like numbers', { 9: 1, 10: 2, a: 3 }, '{"10":2,"9":1,"a":3}'],
    [
      'a name that is none of an object',
      JSON.parse('{"b":1,"__proto__":{"a":1}}'),
      '{"__proto__":{"a":1},"b":1}',
    ],
    ['capitals, which come first', { a: 1, B: 2 }, '{"B":2,"a":1}'],
    ['nothing', {}, '{}'],
    ['what is not there', { b: undefined, a: [undefined, null] }, '{"a":[null,null]}'],
  ])('has %s', (_what, object: object, text) => {
    expect(canonicalJson(object)).toBe(text);
  });
});
