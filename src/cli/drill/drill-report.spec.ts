import { expect, test } from 'vitest';
import { EXIT } from '../command-result.js';
import { exceeds, percentile, reportOf, type Measured } from './drill-report.js';

const good: Measured = { channel: 'feed', seconds: [0.2, 0.4, 0.3], missed: 0, bound: 10 };

test('percentiles are values that were measured', () => {
  const values = Array.from({ length: 100 }, (_one, n) => 100 - n);
  expect([0.5, 0.99, 1].map((share) => percentile(values, share))).toEqual([50, 99, 100]);
  expect(percentile([7], 0.99)).toBe(7);
  expect(percentile([], 0.5)).toBeNull();
});

test('a channel that is late, or never refuses, fails the drill', () => {
  expect(exceeds(good)).toBe(false);
  expect(exceeds({ ...good, seconds: [0.2, 10.1] })).toBe(true);
  expect(exceeds({ ...good, missed: 1 })).toBe(true);
  // Nothing is honoured for even a moment where the bound is 0.
  expect(exceeds({ ...good, seconds: [0, 0.001], bound: 0 })).toBe(true);
  expect(exceeds({ ...good, seconds: [0], bound: 0 })).toBe(false);
  expect(reportOf('z', 3, [good, { ...good, missed: 1 }]).code).toBe(EXIT.wrong);
});

test('a channel that is not there is said to be so, and fails nothing', () => {
  const absent = { ...good, seconds: [], bound: null, absent: 'not there' };
  const { code, lines, json } = reportOf('z', 3, [good, absent]);
  expect(code).toBe(EXIT.done);
  expect(lines.join('\n')).toMatch(/feed +0\.300 +0\.400 +0\.400 +10 +within it/);
  expect(lines.join('\n')).toMatch(/feed +- +- +- +- +not there/);
  expect(json).toMatchObject({ channels: [{ p50: 0.3, worst: 0.4 }, { absent: 'not there' }] });
});
