import { EMPTY_ROOT, MOST_LEAVES, nodeHash } from '../../transparency-log/merkle-tree.js';
import { joinSubtrees } from '../../transparency-log/subtrees.js';

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
    return this.size === 0 ? EMPTY_ROOT : joinSubtrees(this.stack.map(({ hash }) => hash));
  }
}
