import { expect, test } from 'vitest';
import { timeLimits } from '../config/time-limits.js';
import { silentTicks } from './silent-ticks.js';

test.each([
  ['half a minute with the limits of a database nearby', timeLimits().checkMs, 6],
  ['longer than the checks, with the longest that may be set', timeLimits(30_000).checkMs, 21],
])('a worker may say nothing for %s', (_for, ms, ticks) => {
  expect(silentTicks(ms)).toBe(ticks);
});
