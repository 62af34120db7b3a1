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
 * Adds leaves to a tree, at its right edge.
 *
 * @param size how many leaves it has
 * @param edge its tiles of {@link edgeOf}, each filled as far as that size says or farther: what lies behind is replaced
 * @param data what the new leaves hold, in their order
 * @throws RangeError if the edge is not that of a tree of this size
 */
export function appendLeaves(
  size: number,
  edge: readonly Tile[],
  data: Iterable<Uint8Array>,
): Grown {
  const levels = new Levels(size, edge);
  let grown = size;
  for (const leaf of data) {
    levels.add(0, leafHash(leaf));
    grown += 1;
  }
  return { size: grown, root: new Tiles(levels.edge()).root(grown), tiles: levels.changed() };
}

/** A tile that is being filled. */
interface Filling {
  readonly index: number;
  readonly hashes: Buffer;
  width: number;
  isChanged: boolean;
}

/** The right edge of a tree while leaves are added to it. */
class Levels {
  private readonly filling: Filling[] = [];
  private readonly full: Tile[] = [];

  constructor(size: number, edge: readonly Tile[]) {
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

  add(level: number, hash: Buffer): void {
    const tile = (this.filling[level] ??= begin(0));
    hash.copy(tile.hashes, tile.width * HASH_BYTES);
    tile.width += 1;
    tile.isChanged = true;
    if (tile.width < TILE_WIDTH) return;
    this.full.push({ level, index: tile.index, hashes: tile.hashes });
    this.filling[level] = begin(tile.index + 1);
    this.add(level + 1, rootOfHashes(tile.hashes));
  }

  /** The tiles that are begun and not full. */
  edge(): Tile[] {
    return this.filling
      .map((tile, level) => ({ tile, level }))
      .filter(({ tile }) => tile.width > 0)
      .map(({ tile, level }) => asTile(level, tile));
  }

  /** The tiles with hashes that were not there before. */
  changed(): Tile[] {
    return [
      ...this.full,
      ...this.filling
        .map((tile, level) => ({ tile, level }))
        .filter(({ tile }) => tile.isChanged)
        .map(({ tile, level }) => asTile(level, tile)),
    ];
  }
}

function begin(index: number): Filling {
  return { index, hashes: Buffer.alloc(TILE_WIDTH * HASH_BYTES), width: 0, isChanged: false };
}

function asTile(level: number, { index, hashes, width }: Filling): Tile {
  return { level, index, hashes: hashes.subarray(0, width * HASH_BYTES) };
}
