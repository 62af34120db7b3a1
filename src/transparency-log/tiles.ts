import { EMPTY_ROOT, HASH_BYTES, nodeHash } from './merkle-tree.js';
import {
  consistencyRanges,
  inclusionRanges,
  joinSubtrees,
  subtreesOf,
  type LeafRange,
  type Subtree,
} from './subtrees.js';

/** Levels of the tree that a tile stands for (C2SP tlog-tiles). */
export const TILE_HEIGHT = 8;
/** The most hashes that a tile has. */
export const TILE_WIDTH = 256;
/** The highest level of a tile. */
export const TOP_LEVEL = 63;

/** Which tile of a tree: that with hashes `index * 256` on of tile level `level` (C2SP tlog-tiles). */
export interface TileAddress {
  readonly level: number;
  readonly index: number;
}

/** A tile as far as it is filled: its hashes, one behind the other. That of a smaller tree is the beginning of it. */
export interface Tile extends TileAddress {
  readonly hashes: Buffer;
}

/** A tile that is asked for does not reach as far as the tree does: what is stored is not the tree. */
export class TileMissing extends Error {
  constructor({ level, index }: TileAddress) {
    super(
      `the tile ${index} of level ${level} is missing, or is not filled as far as it has to be`,
    );
  }
}

/** The tile that holds what the hash of a subtree is made of. */
export function tileOf({ level, index }: Subtree): TileAddress {
  const height = level % TILE_HEIGHT;
  return {
    level: Math.floor(level / TILE_HEIGHT),
    index: Math.floor((index * 2 ** height) / TILE_WIDTH),
  };
}

/** The tiles from which {@link Tiles} can tell the hashes of these ranges, each once. */
export function tilesOf(ranges: readonly LeafRange[]): TileAddress[] {
  const found = new Map<string, TileAddress>();
  for (const tile of ranges.flatMap(subtreesOf).map(tileOf)) found.set(nameOf(tile), tile);
  return [...found.values()];
}

/** The tiles that the root of a tree is made of. */
export function tilesOfRoot(size: number): TileAddress[] {
  return tilesOf([{ start: 0, end: size }]);
}

/** The tiles that the proof of a leaf is made of ({@link Tiles.inclusion}). */
export function tilesOfInclusion(index: number, size: number): TileAddress[] {
  return tilesOf(inclusionRanges(index, size));
}

/** The tiles that the proof of growth is made of ({@link Tiles.consistency}). */
export function tilesOfConsistency(from: number, to: number): TileAddress[] {
  return tilesOf(consistencyRanges(from, to));
}

/** Some tiles of one tree, and the proofs that can be made of them. They may belong to a tree that is larger. */
export class Tiles {
  private readonly tiles: ReadonlyMap<string, Tile>;

  constructor(tiles: Iterable<Tile>) {
    this.tiles = new Map([...tiles].map((tile) => [nameOf(tile), tile]));
  }

  /** One of the tiles, if it is among them. */
  at(place: TileAddress): Tile | undefined {
    return this.tiles.get(nameOf(place));
  }

  /** @throws TileMissing as all that follow do, if it is not among them */
  root(size: number): Buffer {
    return size === 0 ? EMPTY_ROOT : this.hashOf({ start: 0, end: size });
  }

  /** The hash of a leaf. */
  leaf(index: number): Buffer {
    return this.subtree({ level: 0, index });
  }

  /** The proof that a leaf is in the tree of this size (RFC 9162 section 2.1.3). */
  inclusion(index: number, size: number): Buffer[] {
    return inclusionRanges(index, size).map((range) => this.hashOf(range));
  }

  /** The proof that the tree of the size `to` began as that of the size `from` (RFC 9162 section 2.1.4). */
  consistency(from: number, to: number): Buffer[] {
    return consistencyRanges(from, to).map((range) => this.hashOf(range));
  }

  /** The hash of a subtree without gaps. */
  subtree(subtree: Subtree): Buffer {
    const address = tileOf(subtree);
    const width = 2 ** (subtree.level % TILE_HEIGHT);
    const first = (subtree.index * width) % TILE_WIDTH;
    const tile = this.tiles.get(nameOf(address));
    if (tile === undefined || tile.hashes.length < (first + width) * HASH_BYTES) {
      throw new TileMissing(address);
    }
    return rootOfHashes(tile.hashes.subarray(first * HASH_BYTES, (first + width) * HASH_BYTES));
  }

  private hashOf(range: LeafRange): Buffer {
    return joinSubtrees(subtreesOf(range).map((subtree) => this.subtree(subtree)));
  }
}

/** The root of a full subtree, of the hashes of its leaves one behind the other: a power of two of them. */
export function rootOfHashes(hashes: Buffer): Buffer {
  if (hashes.length <= HASH_BYTES) return Buffer.from(hashes);
  const middle = hashes.length / 2;
  return nodeHash(rootOfHashes(hashes.subarray(0, middle)), rootOfHashes(hashes.subarray(middle)));
}

function nameOf({ level, index }: TileAddress): string {
  return `${level}/${index}`;
}
