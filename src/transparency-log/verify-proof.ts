import { EMPTY_ROOT, nodeHash } from './merkle-tree.js';
import { isSize } from './subtrees.js';

/**
 * Says whether a leaf is in a tree (RFC 9162 section 2.1.3.2).
 *
 * @param leaf the hash of the leaf, of what it holds: never one that came with the proof
 * @param proof from the hash beside the leaf to the one below the root
 */
export function isIncluded(
  leaf: Uint8Array,
  index: number,
  size: number,
  proof: readonly Uint8Array[],
  root: Uint8Array,
): boolean {
  if (!isSize(size) || !isSize(index) || index >= size) return false;
  let [place, last] = [index, size - 1];
  let hash: Buffer = Buffer.from(leaf);
  for (const other of proof) {
    if (last === 0) return false;
    if (place % 2 === 1 || place === last) {
      hash = nodeHash(other, hash);
      while (place % 2 === 0 && place !== 0) [place, last] = [half(place), half(last)];
    } else {
      hash = nodeHash(hash, other);
    }
    [place, last] = [half(place), half(last)];
  }
  return last === 0 && hash.equals(root);
}

/**
 * Says whether a tree began as a smaller one: nothing of that was changed, taken out or put in between (RFC 9162 section
 * 2.1.4.2). Every tree began as the empty one.
 */
export function isConsistent(
  from: { readonly size: number; readonly root: Uint8Array },
  to: { readonly size: number; readonly root: Uint8Array },
  proof: readonly Uint8Array[],
): boolean {
  if (!isSize(from.size) || !isSize(to.size) || from.size > to.size) return false;
  if (from.size === to.size) {
    return proof.length === 0 && Buffer.from(from.root).equals(to.root);
  }
  if (from.size === 0) return proof.length === 0 && EMPTY_ROOT.equals(from.root);
  // A smaller tree without gaps at its edge is itself the first hash.
  const [seed, ...rest] = isPowerOfTwo(from.size) ? [from.root, ...proof] : proof;
  if (seed === undefined || proof.length === 0) return false;
  let [place, last] = [from.size - 1, to.size - 1];
  while (place % 2 === 1) [place, last] = [half(place), half(last)];
  let smaller: Buffer = Buffer.from(seed);
  let larger: Buffer = Buffer.from(seed);
  for (const other of rest) {
    if (last === 0) return false;
    if (place % 2 === 1 || place === last) {
      smaller = nodeHash(other, smaller);
      larger = nodeHash(other, larger);
      while (place % 2 === 0 && place !== 0) [place, last] = [half(place), half(last)];
    } else {
      larger = nodeHash(larger, other);
    }
    [place, last] = [half(place), half(last)];
  }
  return last === 0 && smaller.equals(from.root) && larger.equals(to.root);
}

function half(n: number): number {
  return Math.floor(n / 2);
}

function isPowerOfTwo(n: number): boolean {
  return Number.isInteger(Math.log2(n)) && 2 ** Math.round(Math.log2(n)) === n;
}
