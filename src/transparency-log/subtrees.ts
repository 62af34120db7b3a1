import { MOST_LEAVES, nodeHash, splitOf } from './merkle-tree.js';

/** Leaves that stand in a row, and have a hash of their own in some tree: those from `start` to before `end`. */
export interface LeafRange {
  readonly start: number;
  readonly end: number;
}

/** A subtree without gaps: the leaves from `index * 2 ** level` on, `2 ** level` of them. */
export interface Subtree {
  readonly level: number;
  readonly index: number;
}

/**
 * The ranges whose hashes prove that a leaf is in a tree, from the one beside the leaf to the one below the root
 * (RFC 9162 section 2.1.3.1).
 *
 * @throws RangeError if there is no such leaf
 */
export function inclusionRanges(index: number, size: number): LeafRange[] {
  if (!isSize(size) || !isSize(index) || index >= size) {
    throw new RangeError('there is no such leaf in the tree');
  }
  const ranges: LeafRange[] = [];
  let [start, end] = [0, size];
  while (end - start > 1) {
    const middle = start + splitOf(end - start);
    if (index < middle) {
      ranges.push({ start: middle, end });
      end = middle;
    } else {
      ranges.push({ start, end: middle });
      start = middle;
    }
  }
  return ranges.toReversed();
}

/**
 * The ranges whose hashes prove that a tree began as a smaller one (RFC 9162 section 2.1.4.1). None if both are as large,
 * or the smaller is empty.
 *
 * @throws RangeError if `from` is larger than `to`
 */
export function consistencyRanges(from: number, to: number): LeafRange[] {
  if (!isSize(from) || !isSize(to) || from > to) {
    throw new RangeError('a tree does not grow from a larger one');
  }
  if (from === 0 || from === to) return [];
  const ranges: LeafRange[] = [];
  let [start, end] = [0, to];
  while (from !== end) {
    const middle = start + splitOf(end - start);
    if (from <= middle) {
      ranges.push({ start: middle, end });
      end = middle;
    } else {
      ranges.push({ start, end: middle });
      start = middle;
    }
  }
  // Who asks knows the root of the smaller tree.
  if (start > 0) ranges.push({ start, end });
  return ranges.toReversed();
}

/** The largest subtrees without gaps that leaves in a row consist of, in their order: those of any tree that has them. */
export function subtreesOf({ start, end }: LeafRange): Subtree[] {
  const found: Subtree[] = [];
  let at = start;
  while (at < end) {
    let [level, width] = [0, 1];
    while (at % (width * 2) === 0 && at + width * 2 <= end) [level, width] = [level + 1, width * 2];
    found.push({ level, index: at / width });
    at += width;
  }
  return found;
}

/** The hash of a range, of the hashes of its {@link subtreesOf}, which are one at least. */
export function joinSubtrees(hashes: readonly Buffer[]): Buffer {
  return hashes.reduceRight((right, left) => nodeHash(left, right));
}

/** Whether this can be the size of a tree, or the place of a leaf. */
export function isSize(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= MOST_LEAVES;
}
