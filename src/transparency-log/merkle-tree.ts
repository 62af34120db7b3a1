import { createHash } from 'node:crypto';

/** Bytes of each hash in a tree: it is SHA-256. */
export const HASH_BYTES = 32;

/** The most leaves that a tree may have: numbers up to here are exact. */
export const MOST_LEAVES = Number.MAX_SAFE_INTEGER;

/** The root of a tree without leaves (RFC 9162 section 2.1.1). */
export const EMPTY_ROOT: Buffer = createHash('sha256').digest();

const LEAF = Buffer.of(0);
const NODE = Buffer.of(1);

/** The hash of a leaf: `SHA-256(0x00 || data)` (RFC 9162 section 2.1.1). */
export function leafHash(data: Uint8Array): Buffer {
  return createHash('sha256').update(LEAF).update(data).digest();
}

/** The hash of an inner node: `SHA-256(0x01 || left || right)` (RFC 9162 section 2.1.1). */
export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  return createHash('sha256').update(NODE).update(left).update(right).digest();
}

/** The largest power of two that is smaller than `n`, for `n` of 2 and more. */
export function splitOf(n: number): number {
  let k = 1;
  while (k * 2 < n) k *= 2;
  return k;
}

/**
 * The root of a tree of hashes of leaves that are all at hand (RFC 9162 section 2.1.1).
 *
 * @param hashes as {@link leafHash} makes them
 */
export function rootOf(hashes: readonly Uint8Array[]): Buffer {
  const [first] = hashes;
  if (first === undefined) return EMPTY_ROOT;
  if (hashes.length === 1) return Buffer.from(first);
  const k = splitOf(hashes.length);
  return nodeHash(rootOf(hashes.slice(0, k)), rootOf(hashes.slice(k)));
}
