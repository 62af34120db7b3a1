import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { jsonOf, jsonOfText, withJson } from './event-text.js';

const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('\uD800', '"', '\\', '\u007F', '\u2028', '\uFFFF', '\u{1F511}'),
);

test('a text has the JSON that the language writes', () => {
  fc.assert(
    fc.property(text, (some) => {
      expect(jsonOfText(some)).toBe(JSON.stringify(some));
    }),
  );
});

test('a value has the JSON that the language writes, and none where that leaves it out', () => {
  fc.assert(
    fc.property(fc.oneof(text, fc.jsonValue(), fc.constant(undefined)), (some) => {
      expect(jsonOf(some)).toBe(JSON.stringify(some));
    }),
  );
});

test('a value is written as it was said to be, and a copy of it as what it is', () => {
  const value = withJson({ b: 1, a: 2 }, '{"a":2,"b":1}');

  expect(jsonOf(value)).toBe('{"a":2,"b":1}');
  expect(jsonOf({ ...value, c: 3 })).toBe('{"b":1,"a":2,"c":3}');
});
