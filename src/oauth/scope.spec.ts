import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { intersect, isScopeToken, isSubset, parseScope } from './scope.js';

const token = fc.constantFrom('a', 'b', 'c', 'd:read', 'd:write');
const tokens = fc.array(token, { maxLength: 6 });
const sets = fc.array(tokens, { maxLength: 4 });

describe('parseScope', () => {
  test.each([
    ['a', ['a']],
    ['b a', ['a', 'b']],
    ['a b a', ['a', 'b']],
    ['A a', ['A', 'a']],
    ['https://x/y?z#w', ['https://x/y?z#w']],
    ["!#$%&'()*+,-./:;<=>?@[]^_`{|}~", ["!#$%&'()*+,-./:;<=>?@[]^_`{|}~"]],
  ])('reads %j', (text, expected) => {
    expect(parseScope(text)).toEqual(expected);
  });

  test.each(['', ' ', ' a', 'a ', 'a  b', 'a\tb', 'a\n', 'a"', 'a\\b', '\u007f', '\u00e9', 'a\0'])(
    'refuses %j',
    (text) => {
      expect(parseScope(text)).toBeNull();
    },
  );

  test('is total, and what it reads are tokens, sorted and each once', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const scope = parseScope(text);
        if (scope === null) return;
        expect(scope.every(isScopeToken)).toBe(true);
        expect(scope).toEqual([...new Set(scope)].toSorted());
        expect(parseScope(scope.join(' '))).toEqual(scope);
      }),
    );
  });

  test('gives order and repetition no meaning', () => {
    fc.assert(
      fc.property(fc.array(token, { minLength: 1 }), (list) => {
        const scope = parseScope(list.join(' '));
        expect(parseScope(list.toReversed().join(' '))).toEqual(scope);
        expect(parseScope([...list, ...list].join(' '))).toEqual(scope);
      }),
    );
  });
});

describe('intersect', () => {
  test('is a subset of each of the sets, and holds all that is in every one', () => {
    fc.assert(
      fc.property(tokens, sets, (first, others) => {
        const common = intersect(first, ...others);
        for (const set of [first, ...others]) expect(isSubset(common, set)).toBe(true);
        const inAll = first.filter((one) => others.every((set) => set.includes(one)));
        expect(new Set(common)).toEqual(new Set(inAll));
      }),
    );
  });

  test('does not care about order, and never grows by another set', () => {
    fc.assert(
      fc.property(tokens, tokens, sets, (a, b, more) => {
        expect(intersect(a, b)).toEqual(intersect(b, a));
        expect(intersect(a, a)).toEqual(intersect(a));
        expect(intersect(intersect(a, b), ...more)).toEqual(intersect(a, b, ...more));
        expect(isSubset(intersect(a, b, ...more), intersect(a, b))).toBe(true);
      }),
    );
  });
});

describe('isSubset', () => {
  test('is reflexive and transitive, and has the empty set below everything', () => {
    fc.assert(
      fc.property(tokens, tokens, tokens, (a, b, c) => {
        expect(isSubset(a, a)).toBe(true);
        expect(isSubset([], a)).toBe(true);
        if (isSubset(a, b) && isSubset(b, c)) expect(isSubset(a, c)).toBe(true);
        expect(isSubset(a, b)).toBe(a.every((one) => b.includes(one)));
      }),
    );
  });

  test('compares whole tokens in their own spelling', () => {
    expect(isSubset(['read'], ['read:all'])).toBe(false);
    expect(isSubset(['Read'], ['read'])).toBe(false);
  });
});
