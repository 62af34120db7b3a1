import { EMPTY_ROOT, MOST_LEAVES, nodeHash } from '../../transparency-log/merkle-tree.js';

/**
 * A Merkle tree (RFC 9162 section 2.1) that grows by leaves and by whole subtrees, of which only what its root is made of is
 * remembered: as many hashes as its size has ones in binary.
 */
export class CompactRange {
  private readonly stack: { level: number; hash: Buffer }[] = [];
  private leaves = 0;

  /** How many leaves it has. */
  get size(): number {
    return this.leaves;
  }

  /**
   * Adds the subtree that comes next.
   *
   * @param level 0 for a leaf; it has `2 ** level` of them
   * @returns false, and adds nothing, if no subtree of that level can begin here
   */
  add(level: number, hash: Buffer): boolean {
    const width = 2 ** level;
    if (this.leaves % width !== 0 || this.leaves + width > MOST_LEAVES) return false;
    let node = { level, hash };
    for (let last = this.stack.at(-1); last?.level === node.level; last = this.stack.at(-1)) {
      this.stack.pop();
      node = { level: node.level + 1, hash: nodeHash(last.hash, node.hash) };
    }
    this.stack.push(node);
    this.leaves += width;
    return true;
  }

  /** The root of the tree as it is now. */
  root(): Buffer {
    const last = this.stack.at(-1);
    if (last === undefined) return EMPTY_ROOT;
    return this.stack
      .slice(0, -1)
      .reduceRight((right, { hash }) => nodeHash(hash, right), last.hash);
  }
}

/** The whole subtrees that leaves in a row consist of, in their order: those from `start` to before `end`. */
export function* wholeSubtrees(
  start: number,
  end: number,
): Generator<{ level: number; index: number }> {
  let at = start;
  while (at < end) {
    let [level, width] = [0, 1];
    while (at % (width * 2) === 0 && at + width * 2 <= end) [level, width] = [level + 1, width * 2];
    yield { level, index: at / width };
    at += width;
  }
}
