import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { validate, version } from 'uuid';
import { newId, UuidsV7 } from './uuid-v7.js';

/** The milliseconds since the epoch that an id says it is of. */
const msOf = (id: string): number => Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16);

/** What is random in an id: all but its time, version, counter and variant. */
const randomOf = (id: string): string =>
  (Number.parseInt(id.slice(19, 23), 16) & 0x3fff).toString(16).padStart(4, '0') + id.slice(24);

describe('an id', () => {
  test('is a UUIDv7 of now', () => {
    const before = Date.now();
    const id = newId();
    expect(validate(id)).toBe(true);
    expect(version(id)).toBe(7);
    expect(id).toBe(id.toLowerCase());
    expect(msOf(id)).toBeGreaterThanOrEqual(before);
    expect(msOf(id)).toBeLessThanOrEqual(Date.now());
  });

  test('is larger than all before it, whatever the clock does', () => {
    const steps = fc.array(
      fc.oneof(
        fc.constant(0),
        fc.integer({ min: -5_000, max: 5_000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
      ),
      { maxLength: 200 },
    );
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 50 }), (moves, each) => {
        let now = 1_700_000_000_000;
        const ids = new UuidsV7({ now: () => now });
        const made: string[] = [];
        for (const move of moves) {
          now += move;
          for (let n = 0; n < each; n += 1) made.push(ids.next());
        }
        expect(made).toEqual(made.toSorted());
        expect(new Set(made).size).toBe(made.length);
        expect(made.every((id) => validate(id) && version(id) === 7)).toBe(true);
      }),
    );
  });

  test('is of the millisecond that it is made in, for two thousand of a millisecond at least', () => {
    const ids = new UuidsV7({ now: () => 1_700_000_000_000.7 });
    const made = Array.from({ length: 20_000 }, () => ids.next());
    expect(made).toEqual(made.toSorted());
    const of = made.map(msOf);
    expect(of.slice(0, 2_049)).toEqual(Array.from({ length: 2_049 }, () => 1_700_000_000_000));
    expect(of.at(-1)).toBeLessThanOrEqual(1_700_000_000_010);
  });

  test('has 62 random bits of its own, each of which is set now and then', () => {
    const ids = new UuidsV7({ now: () => 1_700_000_000_000 });
    const random = Array.from({ length: 4_000 }, () => randomOf(ids.next()));
    expect(new Set(random).size).toBe(random.length);
    const set = Array.from({ length: 62 }, (_, bit) => {
      const ones = random.filter((hex) => (BigInt(`0x${hex}`) >> BigInt(bit)) & 1n);
      return ones.length / random.length;
    });
    // Of 4,000 fair coins, this is 12 standard deviations off.
    expect(set.filter((share) => share < 0.4 || share > 0.6)).toEqual([]);
  });

  test('shares nothing random with any id of another source', () => {
    const [one, other] = [new UuidsV7(), new UuidsV7()];
    const all = Array.from({ length: 1_000 }, () => [one.next(), other.next()]).flat();
    expect(new Set(all.map(randomOf)).size).toBe(all.length);
  });
});
