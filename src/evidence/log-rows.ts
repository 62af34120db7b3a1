import { edgeOf, TreeEdge } from '../transparency-log/append-leaves.js';
import { atZone } from '../platform/database/at-zones.js';
import { EMPTY_ROOT } from '../transparency-log/merkle-tree.js';
import { Tiles, type Tile, type TileAddress } from '../transparency-log/tiles.js';
import type { Queries } from './queries.js';

/** A log as it is stored: how many leaves it has, and their root. */
export interface LogRow {
  readonly origin: string;
  readonly size: number;
  readonly root: Buffer;
}

/** Makes logs without leaves, but for those that there are. All are of one shard, where there are shards. */
export async function beginLogs(
  db: Queries,
  logs: readonly { readonly logId: string; readonly origin: string }[],
): Promise<void> {
  if (logs.length === 0) return;
  await db.query(BEGIN, [
    logs.map(({ logId }) => logId),
    logs.map(({ origin }) => origin),
    EMPTY_ROOT,
  ]);
}

/** A log as it is now. Null if it has not begun. */
export async function readLog(db: Queries, logId: string): Promise<LogRow | null> {
  const [row] = await atZone(db, logId, () => db.query<LogRow[]>(READ, [logId]));
  return row ?? null;
}

/** Takes a log until the transaction ends. Null if somebody else has it, or it has not begun: nobody waits. */
export async function takeLog(tx: Queries, logId: string): Promise<LogRow | null> {
  const [row] = await tx.query<LogRow[]>(`${READ} FOR NO KEY UPDATE SKIP LOCKED`, [logId]);
  return row ?? null;
}

/** What is stored of a log is not its tree: tiles are missing or others, and nothing can be added to it. */
export class LogBroken extends Error {
  override readonly name = 'LogBroken';

  constructor(
    readonly logId: string,
    cause?: unknown,
  ) {
    super(`what is stored of the log ${logId} is not its tree`, { cause });
  }
}

/**
 * The tree of a log that is taken, as far as leaves are added to it.
 *
 * @throws {LogBroken} if the tiles at its edge are not there, or do not make its root
 */
export async function readEdge(
  tx: Queries,
  logId: string,
  { size, root }: Pick<LogRow, 'size' | 'root'>,
): Promise<TreeEdge> {
  const tiles = await readTiles(tx, logId, edgeOf(size));
  let tree: TreeEdge;
  try {
    tree = new TreeEdge(size, tiles);
  } catch (error) {
    throw new LogBroken(logId, error);
  }
  if (!tree.root.equals(root)) throw new LogBroken(logId);
  return tree;
}

/**
 * Tiles of a log, to prove something. Those that are not stored are not among them.
 *
 * @param places each is read once, however often it is named
 */
export async function tilesAt(
  db: Queries,
  logId: string,
  places: readonly TileAddress[],
): Promise<Tiles> {
  return new Tiles(await readTiles(db, logId, unique(places)));
}

function unique(places: readonly TileAddress[]): TileAddress[] {
  return [...new Map(places.map((place) => [`${place.level}/${place.index}`, place])).values()];
}

async function readTiles(
  db: Queries,
  logId: string,
  places: readonly TileAddress[],
): Promise<Tile[]> {
  if (places.length === 0) return [];
  const levels = places.map(({ level }) => level);
  const indexes = places.map(({ index }) => index);
  return atZone(db, logId, () => db.query<Tile[]>(TILES, [logId, levels, indexes]));
}

/** Stores what has come of leaves that were added to a log that is taken. */
export async function storeTree(tx: Queries, logId: string, tree: TreeEdge): Promise<void> {
  const { size, root, tiles } = tree.grown();
  await tx.query(STORE, [
    logId,
    size,
    root,
    tiles.map(({ level }) => level),
    tiles.map(({ index }) => index),
    tiles.map(({ hashes }) => hashes),
  ]);
}

const BEGIN = `INSERT INTO evidence_logs (zone_id, origin, size, root)
  SELECT l.id, l.origin, 0, $3 FROM unnest($1::uuid[], $2::text[]) AS l (id, origin) ORDER BY l.id ON CONFLICT DO NOTHING`;
const READ = `SELECT origin, size::float8 AS size, root FROM evidence_logs WHERE zone_id = $1`;
const TILES = `SELECT t.level::integer AS level, t.index::float8 AS index, t.hashes
  FROM unnest($2::smallint[], $3::bigint[]) AS p (level, index)
  JOIN evidence_tiles t ON t.zone_id = $1 AND t.level = p.level AND t.index = p.index`;
const STORE = `WITH stored AS (
    INSERT INTO evidence_tiles (zone_id, level, index, hashes)
    SELECT $1, t.level, t.index, t.hashes FROM unnest($4::smallint[], $5::bigint[], $6::bytea[]) AS t (level, index, hashes)
    ON CONFLICT (zone_id, level, index) DO UPDATE SET hashes = EXCLUDED.hashes
  ), grown AS (
    UPDATE evidence_logs SET size = $2, root = $3 WHERE zone_id = $1
  )
  SELECT 1`;
