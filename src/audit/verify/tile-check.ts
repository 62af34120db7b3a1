import { HASH_BYTES } from '../../transparency-log/merkle-tree.js';
import { rootOfHashes, TILE_WIDTH, type TileAddress } from '../../transparency-log/tiles.js';
import { CompactRange } from './compact-range.js';

/** Reads the hashes of a tile as they are stored. Null if it is not there. */
export type ReadTile = (place: TileAddress) => Promise<Buffer | null>;

/**
 * The tree that stored tiles are, read from its first leaf on, and compared with itself: what the tiles of one level say has to
 * follow from those below it.
 */
export class TileCheck {
  readonly tree = new CompactRange();
  private tile: Buffer | null = null;
  /** What the tiles above level 0 have to begin with, as far as those below them are full. */
  private readonly above: { index: number; parts: Buffer[] }[] = [];

  /** @param tell is told of each tile above level 0 that does not follow from what is below it */
  constructor(
    private readonly read: ReadTile,
    private readonly tell: (place: TileAddress) => void,
  ) {}

  /** The hash of the next leaf. Null if it is not stored; then nothing more can be told of the tree. */
  async next(): Promise<Buffer | null> {
    const at = this.tree.size % TILE_WIDTH;
    if (at === 0) {
      this.tile = await this.read({ level: 0, index: Math.floor(this.tree.size / TILE_WIDTH) });
    }
    const hash = this.tile?.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES);
    if (this.tile === null || hash?.length !== HASH_BYTES) return null;
    this.tree.add(0, Buffer.from(hash));
    if (at === TILE_WIDTH - 1) await this.rise(1, this.tile);
    return hash;
  }

  /** Compares the tiles that are begun. To be called at the end. */
  async end(): Promise<void> {
    for (const [at, { index, parts }] of this.above.entries()) {
      if (parts.length === 0) continue;
      // oxlint-disable-next-line no-await-in-loop
      await this.compare({ level: at + 1, index }, Buffer.concat(parts));
    }
  }

  private async rise(level: number, below: Buffer): Promise<void> {
    const tile = (this.above[level - 1] ??= { index: 0, parts: [] });
    tile.parts.push(rootOfHashes(below.subarray(0, TILE_WIDTH * HASH_BYTES)));
    if (tile.parts.length < TILE_WIDTH) return;
    const whole = Buffer.concat(tile.parts);
    await this.compare({ level, index: tile.index }, whole);
    tile.parts = [];
    tile.index += 1;
    await this.rise(level + 1, whole);
  }

  private async compare(place: TileAddress, hashes: Buffer): Promise<void> {
    const stored = await this.read(place);
    if (stored?.subarray(0, hashes.length).equals(hashes) !== true) this.tell(place);
  }
}
