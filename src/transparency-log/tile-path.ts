import { fromDecimal } from './decimal.js';
import { HASH_BYTES } from './merkle-tree.js';
import { TILE_WIDTH, TOP_LEVEL, type TileAddress } from './tiles.js';

/** A tile that is asked for, by its address and how many of its hashes: 256 if it is full. */
export interface AskedTile extends TileAddress {
  readonly width: number;
}

/** Where a tile is below the place of its log: `tile/0/x001/234`, with `.p/7` behind it where it is not full (C2SP tlog-tiles). */
export function tilePath({ level, index, width }: AskedTile): string {
  const digits = String(index);
  const groups = digits.padStart(Math.ceil(digits.length / 3) * 3, '0').match(/.{3}/g) ?? [];
  const path = groups.map((group, at) => (at < groups.length - 1 ? `x${group}` : group)).join('/');
  return `tile/${level}/${path}${width === TILE_WIDTH ? '' : `.p/${width}`}`;
}

/** Reads what {@link tilePath} makes. Null if it is no such path, or not the one spelling of it. */
export function parseTilePath(path: string): AskedTile | null {
  const found = /^tile\/([0-9]{1,2})\/((?:x[0-9]{3}\/){0,5}[0-9]{3})(?:\.p\/([0-9]{1,3}))?$/.exec(
    path,
  );
  if (found === null) return null;
  const [, level = '', groups = '', part] = found;
  const index = Number(groups.replaceAll(/[x/]/g, ''));
  const tile = {
    level: fromDecimal(level) ?? TOP_LEVEL + 1,
    index,
    width: part === undefined ? TILE_WIDTH : (fromDecimal(part) ?? 0),
  };
  const isRight = tile.level <= TOP_LEVEL && tile.width >= 1 && tile.width <= TILE_WIDTH;
  return isRight && Number.isSafeInteger(index) && tilePath(tile) === path ? tile : null;
}

/** How many hashes a tile has in a tree of this size: 0 if it is not begun. */
export function tileWidth({ level, index }: TileAddress, size: number): number {
  const hashes = Math.floor(size / TILE_WIDTH ** level) - index * TILE_WIDTH;
  return Math.max(0, Math.min(TILE_WIDTH, hashes));
}

/** The bytes of a tile as it was in a tree of which it had so many hashes. Null if it has fewer. */
export function cutTile(hashes: Buffer, width: number): Buffer | null {
  return hashes.length < width * HASH_BYTES ? null : hashes.subarray(0, width * HASH_BYTES);
}
