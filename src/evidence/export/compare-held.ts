import { TileMissing, tilesOfRoot } from '../../transparency-log/tiles.js';
import { readLog, tilesAt } from '../log-rows.js';
import { INSTALLATION_LOG } from '../../audit/installation-log.js';
import type { Queries } from '../queries.js';
import type { HeldCheckpoint } from './checkpoint-place.js';

/**
 * Compares the log of the installation with a checkpoint that a place has: a database that was set back, or lost its last commits,
 * has a shorter log, or one that grew otherwise since. To be asked after the place was, so that the log is the newer one.
 *
 * @returns in words how they do not fit; null if they do
 */
export async function compareHeld(db: Queries, held: HeldCheckpoint): Promise<string | null> {
  const log = await readLog(db, INSTALLATION_LOG);
  const size = log?.size ?? 0;
  if (held.size > size) {
    return `there is a checkpoint of ${held.size} leaves, and the log has ${size}`;
  }
  if (held.root === null || held.size === 0) return null;
  const tiles = await tilesAt(db, INSTALLATION_LOG, tilesOfRoot(held.size));
  try {
    if (tiles.root(held.size).equals(held.root)) return null;
  } catch (error) {
    if (!(error instanceof TileMissing)) throw error;
    return `there is a checkpoint of ${held.size} leaves, and ${error.message}`;
  }
  return `there is a checkpoint of ${held.size} leaves with another root`;
}
