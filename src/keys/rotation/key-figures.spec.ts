import { expect, test } from 'vitest';
import { keyFigures } from './key-figures.js';
import { newSchedule } from './rotation.js';

const key = (publishedAt: number, more = {}) => ({
  alg: 'ES256' as const,
  ...newSchedule(publishedAt, publishedAt),
  ...more,
});

test('the figures are those of the oldest and of the next', () => {
  const now = 1_000_000;
  const figures = keyFigures(
    [
      key(400_000),
      key(300_000, { alg: 'RS256' }),
      key(100_000, { retiresAt: 500_000, expiresAt: 2_000_000 }),
      key(50_000, { retiresAt: 60_000, expiresAt: 70_000 }),
      key(10_000, { compromisedAt: 20_000 }),
      key(900_000, { activatesAt: 1_200_000 }),
      key(900_000, { activatesAt: 1_100_000 }),
    ],
    now,
  );
  expect(Object.fromEntries(figures.states)).toEqual({
    active: 2,
    retiring: 1,
    retired: 1,
    compromised: 1,
    pending: 2,
  });
  expect(Object.fromEntries(figures.oldestSigner)).toEqual({ ES256: 600, RS256: 700 });
  expect(figures.oldestInUse).toBe(900);
  expect(figures.nextActivation).toBe(1_100);
});

test('of no keys they are zero', () => {
  const figures = keyFigures([], 5);
  expect([figures.states.size, figures.oldestInUse, figures.nextActivation]).toEqual([0, 0, 0]);
});
