import { expect, test } from 'vitest';
import { readStrictJson, isJsonObject } from '../../oauth/strict-json.js';
import { claimAt, meetsConditions, type ClaimConditions } from './trusted-issuer.js';

const read = (text: string) => {
  const value = readStrictJson(text);
  if (!isJsonObject(value)) throw new Error('no object');
  return value;
};
const CLAIMS = read(
  '{"a":1,"/b":2,"c/d":{"e~f":3,"g":[4]},"n":null,"list":["x",5,true],"https://x/y":"z"}',
);

test.each([
  ['a', 1],
  ['https://x/y', 'z'],
  ['c/d', { 'e~f': 3, g: [4] }],
  ['/c~1d/e~0f', 3],
  ['/c~1d/g', [4]],
  ['/c~1d/g/0', undefined],
  ['/a/b', undefined],
  ['/b', undefined],
  ['/~1b', 2],
  ['/n/x', undefined],
  ['toString', undefined],
  ['/a/toString', undefined],
  ['', undefined],
  ['/', undefined],
])('the claim %j is %j', (name, value) => {
  expect(claimAt(CLAIMS, name)).toEqual(value);
});

test.each<[ClaimConditions, boolean]>([
  [{}, true],
  [{ a: [1] }, true],
  [{ a: [2, 1] }, true],
  [{ a: ['1'] }, false],
  [{ a: [true] }, false],
  [{ a: [] }, false],
  [{ list: ['x'] }, true],
  [{ list: [5] }, true],
  [{ list: ['y'] }, false],
  [{ n: [0] }, false],
  [{ missing: ['x'] }, false],
  [{ toString: ['x'] }, false],
  [{ a: [1], list: ['y'] }, false],
])('%j: %s', (conditions, met) => {
  expect(meetsConditions(CLAIMS, conditions)).toBe(met);
});
