import { expect, test } from 'vitest';
import { mergePatch } from './merge-patch.js';

test.each([
  // The examples of RFC 7396, appendix A.
  [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
  [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
  [{ a: 'b' }, { a: null }, {}],
  [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
  [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
  [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
  [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
  [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
  [
    ['a', 'b'],
    ['c', 'd'],
    ['c', 'd'],
  ],
  [{ a: 'b' }, ['c'], ['c']],
  [{ a: 'foo' }, null, null],
  [{ a: 'foo' }, 'bar', 'bar'],
  [{ e: null }, { a: 1 }, { e: null, a: 1 }],
  [[1, 2], { a: 'b', c: null }, { a: 'b' }],
  [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  // False, empty and zero are values.
  [
    { a: 1, b: 1, c: [1], d: 'x' },
    { a: false, b: 0, c: [], d: '' },
    { a: false, b: 0, c: [], d: '' },
  ],
] as const)('%j patched by %j is %j', (target, patch, result) => {
  expect(mergePatch(target as never, patch as never)).toEqual(result);
});

test('a member that is called __proto__ is a member like others', () => {
  const merged = mergePatch({}, JSON.parse('{"__proto__":{"x":1}}') as never);
  expect(Object.keys(merged as object)).toEqual(['__proto__']);
  expect(Object.getPrototypeOf(merged)).toBe(Object.prototype);
});
