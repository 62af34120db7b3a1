import { randomBytes } from 'node:crypto';

/** Numbers that are put in order: two halves of six bits. */
export const ORDERED = 4_096;

const HALF_BITS = 6;
const HALF = 1 << HALF_BITS;
/** Four rounds make what comes out look random, whatever goes in (Luby and Rackoff, 1988). */
const ROUNDS = 4;

/**
 * The numbers below {@link ORDERED} in an order of its own, each once: a Feistel network, whose rounds are tables of random
 * numbers, so that an order takes 256 bytes and no list of what is left. Who knows some of them cannot tell the next.
 */
export class RandomOrder {
  private readonly tables = randomBytes(ROUNDS * HALF);

  /** @param place from 0 to {@link ORDERED} less one */
  at(place: number): number {
    let left = place >>> HALF_BITS;
    let right = place & (HALF - 1);
    for (let round = 0; round < ROUNDS; round += 1) {
      const mixed = left ^ ((this.tables[round * HALF + right] ?? 0) & (HALF - 1));
      left = right;
      right = mixed;
    }
    return (left << HALF_BITS) | right;
  }
}
