import { beforeAll, beforeEach } from 'vitest';
import { Unreachable } from '../../clients/toolchains/toolchain.js';

/**
 * Prepares tools before the tests of a group; where a registry cannot be reached, which says nothing of ours, its tests are skipped.
 *
 * @returns asks for what was prepared
 */
export function prepared<T>(prepare: () => Promise<T>): () => T {
  let made: { readonly value: T } | Unreachable | undefined;
  beforeAll(async () => {
    made = await prepare().then(
      (value) => ({ value }),
      (error: unknown) => {
        if (error instanceof Unreachable) return error;
        throw error;
      },
    );
    if (made instanceof Unreachable) console.log(`skipped: ${made.message}`);
  }, 1_000_000);
  beforeEach(({ skip }) => {
    if (made instanceof Unreachable) skip(made.message);
  });
  return () => {
    if (made === undefined || made instanceof Unreachable) throw new Error('nothing was prepared');
    return made.value;
  };
}
