import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isPublished, keyState, signingKeyOf, type KeySchedule } from './key-schedule.js';

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
