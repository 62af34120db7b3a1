import { HASH_BYTES, leafHash } from './merkle-tree.js';
import { rootOfHashes, TILE_WIDTH, Tiles, type Tile, type TileAddress } from './tiles.js';

/** What comes of leaves that were added: how large the tree is, its root, and the tiles that are new or longer. */
export interface Grown {
  readonly size: number;
  readonly root: Buffer;
  readonly tiles: readonly Tile[];
}

/** The tiles at the right edge of a tree, one of each level that is begun and not full: what it takes to add leaves. */
export function edgeOf(size: number): TileAddress[] {
  const edge: TileAddress[] = [];
  for (let [level, hashes] = [0, size]; hashes > 0; level += 1) {
    if (hashes % TILE_WIDTH > 0) edge.push({ level, index: Math.floor(hashes / TILE_WIDTH) });
    hashes = Math.floor(hashes / TILE_WIDTH);
  }
  return edge;
}

/**
 * Adds leaves to a tree, at its right edge, all at once ({@link TreeEdge}).
 *
 * @param size how many leaves it has
 * @param edge its tiles of {@link edgeOf}
 * @param data what the new leaves hold, in their order
 * @throws RangeError if the edge is not that of a tree of this size
 */
export function appendLeaves(
  size: number,
  edge: readonly Tile[],
  data: Iterable<Uint8Array>,
): Grown {
  const tree = new TreeEdge(size, edge);
  for (const leaf of data) tree.add(leaf);
  return tree.grown();
}

/** A tile that is being filled. */
interface Filling {
  readonly index: number;
  readonly hashes: Buffer;
  width: number;
  isChanged: boolean;
}

/** The right edge of a tree while leaves are added to it: all that it takes to know its root, however large it is. */
export class TreeEdge {
  private readonly filling: Filling[] = [];
  private full: Tile[] = [];
  private leaves: number;

  /**
   * @param size how many leaves the tree has
   * @param edge its tiles of {@link edgeOf}, each filled as far as that size says or farther: what lies behind is replaced
   * @throws RangeError if the edge is not that of a tree of this size
   */
  constructor(size: number, edge: readonly Tile[]) {
    this.leaves = size;
    for (let [level, hashes] = [0, size]; hashes > 0; level += 1) {
      const width = hashes % TILE_WIDTH;
      const index = Math.floor(hashes / TILE_WIDTH);
      const begun = begin(index);
      if (width > 0) {
        const tile = edge.find((each) => each.level === level && each.index === index);
        if (tile === undefined || tile.hashes.length < width * HASH_BYTES) {
          throw new RangeError(`this is not the edge of a tree of ${size} leaves`);
        }
        tile.hashes.copy(begun.hashes, 0, 0, width * HASH_BYTES);
        begun.width = width;
      }
      this.filling[level] = begun;
      hashes = index;
    }
  }

  get size(): number {
    return this.leaves;
  }

  /** The root of all leaves up to now. */
  get root(): Buffer {
    return new Tiles(this.begun(({ width }) => width > 0)).root(this.leaves);
  }

  /** Adds a leaf. @param data what it holds */
  add(data: Uint8Array): void {
    this.put(0, leafHash(data));
    this.leaves += 1;
  }

  /** What has come of it since the tree was read, or this was asked for the last time. */
  grown(): Grown {
    const tiles = [...this.full, ...this.begun(({ isChanged }) => isChanged)];
    this.full = [];
    for (const tile of this.filling) tile.isChanged = false;
    return { size: this.leaves, root: this.root, tiles };
  }

  private put(level: number, hash: Buffer): void {
    const tile = (this.filling[level] ??= begin(0));
    hash.copy(tile.hashes, tile.width * HASH_BYTES);
    tile.width += 1;
    tile.isChanged = true;
    if (tile.width < TILE_WIDTH) return;
    this.full.push({ level, index: tile.index, hashes: tile.hashes });
    this.filling[level] = begin(tile.index + 1);
    this.put(level + 1, rootOfHashes(tile.hashes));
  }

  private begun(which: (tile: Filling) => boolean): Tile[] {
    return this.filling.flatMap((tile, level) => {
      if (!which(tile)) return [];
      const hashes = Buffer.from(tile.hashes.subarray(0, tile.width * HASH_BYTES));
      return [{ level, index: tile.index, hashes }];
    });
  }
}

function begin(index: number): Filling {
  return { index, hashes: Buffer.alloc(TILE_WIDTH * HASH_BYTES), width: 0, isChanged: false };
}
