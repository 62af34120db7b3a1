import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  isPublished,
  keyState,
  PUBLICATION_LEAD,
  RETIREMENT_LAG,
  rotationIsDue,
  signingKeyOf,
  type KeySchedule,
} from './key-schedule.js';
import { newSchedule } from './rotation.js';

const KEY: KeySchedule = {
  publishedAt: 0,
  activatesAt: 100,
  retiresAt: 200,
  expiresAt: 300,
  compromisedAt: null,
};

describe('keyState', () => {
  test.each([
    [0, 'pending'],
    [99, 'pending'],
    [100, 'active'],
    [199, 'active'],
    [200, 'retiring'],
    [299, 'retiring'],
    [300, 'retired'],
    [1_000, 'retired'],
  ])('at %d is %s', (now, state) => {
    expect(keyState(KEY, now)).toBe(state);
  });

  test.each([
    [0, true],
    [150, true],
    [250, true],
    [299, true],
    [300, false],
  ])('at %d is in the key set: %s', (now, published) => {
    expect(isPublished(KEY, now)).toBe(published);
  });

  test('never ends by itself', () => {
    expect(keyState({ ...KEY, retiresAt: null, expiresAt: null }, 1e15)).toBe('active');
  });

  test.each([0, 100, 200, 300])('is compromised at %d, whatever else it would be', (now) => {
    expect(keyState({ ...KEY, compromisedAt: 250 }, now)).toBe('compromised');
    expect(isPublished({ ...KEY, compromisedAt: 250 }, now)).toBe(false);
  });
});

const moment = fc.integer({ min: 0, max: 1_000 });
const maybe = fc.option(moment, { nil: null });
const schedule: fc.Arbitrary<KeySchedule> = fc.record({
  publishedAt: fc.constant(0),
  activatesAt: moment,
  retiresAt: maybe,
  expiresAt: maybe,
  compromisedAt: fc.option(moment, { nil: null, freq: 10 }),
});

test('a key never goes back to an earlier state', () => {
  const order = ['pending', 'active', 'retiring', 'retired'];
  fc.assert(
    fc.property(schedule, moment, moment, (key, a, b) => {
      if (key.compromisedAt !== null) return;
      const [earlier, later] = [Math.min(a, b), Math.max(a, b)];
      expect(order.indexOf(keyState(key, later))).toBeGreaterThanOrEqual(
        order.indexOf(keyState(key, earlier)),
      );
    }),
  );
});

test('what signs is active, published, and the one that became active last', () => {
  fc.assert(
    fc.property(fc.array(schedule, { maxLength: 6 }), moment, (keys, now) => {
      const active = keys.filter((key) => keyState(key, now) === 'active');
      const signer = signingKeyOf(keys, now);
      if (signer === null) {
        expect(active).toEqual([]);
        return;
      }
      expect(active).toContain(signer);
      expect(isPublished(signer, now)).toBe(true);
      expect(signer.activatesAt).toBe(Math.max(...active.map(({ activatesAt }) => activatesAt)));
    }),
  );
});

test('of two active keys the one that became active last signs, in whichever order they are', () => {
  const [older, newer] = [KEY, { ...KEY, activatesAt: 120 }];
  expect(signingKeyOf([older, newer], 150)).toBe(newer);
  expect(signingKeyOf([newer, older], 150)).toBe(newer);
  expect(signingKeyOf([older, newer], 110)).toBe(older);
});

test('a key signs when no verifier can have a key set without it any more, and goes when none accepts it', () => {
  // Five minutes for which a verifier keeps it, one for which a replica may, and one by which clocks differ.
  expect(PUBLICATION_LEAD).toBe(300 + 60 + 60);
  // An hour of life, one minute for which verifiers may be lenient, and one by which clocks differ.
  expect(RETIREMENT_LAG).toBe(3_600 + 60 + 60);
});

const DAY = 86_400_000;
const keyCalled = (kid: string) => ({ kid, ...newSchedule(0, 0) });

test('a key is due within the last tenth of its days, at one moment, and stays due', () => {
  fc.assert(
    fc.property(fc.string(), fc.integer({ min: 1, max: 365 }), fc.nat(), (kid, days, ms) => {
      expect(rotationIsDue(keyCalled(kid), days, days * DAY * 0.9 - 1)).toBe(false);
      expect(rotationIsDue(keyCalled(kid), days, days * DAY)).toBe(true);
      const now = Math.floor(days * DAY * (0.9 + 0.1 * (ms / 2 ** 31)));
      if (rotationIsDue(keyCalled(kid), days, now)) {
        expect(rotationIsDue(keyCalled(kid), days, now + 1)).toBe(true);
      }
    }),
  );
});

test('zones that were made together are spread over that tenth', () => {
  const dueAt = Array.from({ length: 1_000 }, (_, i) => {
    for (let day = 27; day <= 30; day += 0.25) {
      if (rotationIsDue(keyCalled(`key ${i}`), 30, day * DAY)) return day;
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
  expect(rotationIsDue(keyCalled('k'), 0, old)).toBe(false);
  expect(rotationIsDue({ ...keyCalled('k'), activatesAt: old + 1 }, 1, old)).toBe(false);
  expect(rotationIsDue({ ...keyCalled('k'), retiresAt: old + 1 }, 1, old)).toBe(false);
  expect(rotationIsDue({ ...keyCalled('k'), compromisedAt: 5 }, 1, old)).toBe(false);
});
