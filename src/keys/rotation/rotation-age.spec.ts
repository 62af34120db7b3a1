import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { rotationIsDue } from './rotation-age.js';
import { newSchedule } from './rotation.js';

const DAY = 86_400_000;
const key = (kid: string) => ({ kid, ...newSchedule(0, 0) });

test('a key is due within the last tenth of its days, at one moment, and stays due', () => {
  fc.assert(
    fc.property(fc.string(), fc.integer({ min: 1, max: 365 }), fc.nat(), (kid, days, ms) => {
      expect(rotationIsDue(key(kid), days, days * DAY * 0.9 - 1)).toBe(false);
      expect(rotationIsDue(key(kid), days, days * DAY)).toBe(true);
      const now = Math.floor(days * DAY * (0.9 + 0.1 * (ms / 2 ** 31)));
      if (rotationIsDue(key(kid), days, now)) {
        expect(rotationIsDue(key(kid), days, now + 1)).toBe(true);
      }
    }),
  );
});

test('zones that were made together are spread over that tenth', () => {
  const dueAt = Array.from({ length: 1_000 }, (_, i) => {
    for (let day = 27; day <= 30; day += 0.25) {
      if (rotationIsDue(key(`key ${i}`), 30, day * DAY)) return day;
    }
    return 0;
  });
  for (const day of new Set(dueAt)) {
    expect(dueAt.filter((one) => one === day).length).toBeLessThan(150);
  }
  expect(new Set(dueAt).size).toBe(12);
});

test('a key is not due if rotations are off, before it signs, or when another follows it', () => {
  const old = 1_000 * DAY;
  expect(rotationIsDue(key('k'), 0, old)).toBe(false);
  expect(rotationIsDue({ ...key('k'), activatesAt: old + 1 }, 1, old)).toBe(false);
  expect(rotationIsDue({ ...key('k'), retiresAt: old + 1 }, 1, old)).toBe(false);
  expect(rotationIsDue({ ...key('k'), compromisedAt: 5 }, 1, old)).toBe(false);
});
