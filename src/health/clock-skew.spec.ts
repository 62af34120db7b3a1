import { expect, test } from 'vitest';
import { clockSkew } from './clock-skew.js';

test.each([
  { what: 'clocks that agree', before: 1_000, theirs: 1_000, after: 1_000, skew: 0 },
  {
    what: 'a reading at the start of a slow round trip',
    before: 1_000,
    theirs: 1_000,
    after: 3_000,
    skew: 0,
  },
  {
    what: 'a reading at the end of a slow round trip',
    before: 1_000,
    theirs: 3_000,
    after: 3_000,
    skew: 0,
  },
  { what: 'another clock that is ahead', before: 1_000, theirs: 8_000, after: 1_200, skew: 6_800 },
  { what: 'another clock that is behind', before: 9_000, theirs: 1_000, after: 9_000, skew: 8_000 },
])('measures $what', ({ skew, ...reading }) => {
  expect(clockSkew(reading)).toBe(skew);
});
