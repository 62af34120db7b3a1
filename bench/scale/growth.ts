import type { TestZone } from '../../test/setup/zone.js';
import type { Prepared } from '../candidates/prepared.js';

/** Something that there may be more or less of. */
export interface Growth {
  readonly name: string;
  /** How many there are in the steps of a whole measurement, in ascending order. */
  readonly sizes: readonly number[];
  /** The kind of the usual ones that is measured, and is compared with itself where there is little. */
  readonly kind: string;
  /**
   * Makes as many as there should be.
   *
   * @param from how many there are already
   * @returns requests that walk over all of them evenly, where there is such a thing: sent instead of the kind's own
   */
  grow(zone: TestZone, from: number, to: number): Promise<Prepared | null>;
}

/** Cuts a number of things into pieces that one statement can take. */
export function* pieces(from: number, to: number, size: number): Generator<[number, number]> {
  for (let at = from; at < to; at += size) yield [at, Math.min(to, at + size)];
}
