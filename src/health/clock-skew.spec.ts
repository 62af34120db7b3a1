import { expect, test } from 'vitest';
import { clockSkew } from './clock-skew.js';

test.each([
  { what: 'clocks that agree', asked: 1_000, told: 1_000, answered: 1_000, skew: 0 },
  {
    what: 'a reading at the start of a slow round trip',
    asked: 1_000,
    told: 1_000,
    answered: 3_000,
    skew: 0,
  },
  {
    what: 'a reading at the end of a slow round trip',
    asked: 1_000,
    told: 3_000,
    answered: 3_000,
    skew: 0,
  },
  { what: 'another clock that is ahead', asked: 1_000, told: 8_000, answered: 1_200, skew: 6_800 },
  { what: 'another clock that is behind', asked: 9_000, told: 1_000, answered: 9_000, skew: 8_000 },
])('measures $what', ({ skew, ...reading }) => {
  expect(clockSkew(reading)).toBe(skew);
});
