import { formatCheckpoint } from '../transparency-log/checkpoint.js';
import type { NoteSigner } from '../transparency-log/note-key.js';
import { signNote } from '../transparency-log/signed-note.js';
import { readEdge, storeTree, takeLog } from './log-rows.js';
import { INSTALLATION_LOG } from '../audit/installation-log.js';
import type { InTransaction, Queries } from './queries.js';

/** How many zones are in one checkpoint at most: those that are not are in the next, which is made at once. */
const MOST_ZONES = 4_096;

/** A checkpoint that was made. */
export interface MadeCheckpoint {
  /** How many leaves the log of the installation has. */
  readonly size: number;
  /** How many zones have grown since the one before. */
  readonly zones: number;
}

/** What signs, and the id of its row. */
export interface CheckpointSigner {
  readonly id: string;
  readonly signer: NoteSigner;
}

/** A zone whose log has grown. */
interface GrownZone {
  readonly zoneId: string;
  readonly origin: string;
  readonly size: number;
  readonly root: Buffer;
  /** What time it is for the database, or that of the checkpoint before if its clock was ahead then: RFC 3339, UTC. */
  readonly at: string;
}

/**
 * Makes checkpoints until all zones are in one whose logs have grown: one, but where very many have. None is left for the
 * next time, when others would come before it again.
 *
 * @param most zones of one checkpoint
 * @returns the last one; null if no zone has grown, or others are at it
 */
export async function makeCheckpoints(
  inTransaction: InTransaction,
  signer: CheckpointSigner,
  most = MOST_ZONES,
): Promise<MadeCheckpoint | null> {
  let made: MadeCheckpoint | null = null;
  for (;;) {
    // oxlint-disable-next-line no-await-in-loop
    const next = await inTransaction((tx) => makeCheckpoint(tx, signer, most));
    if (next === null) return made;
    made = next;
    if (next.zones < most) return made;
  }
}

/**
 * Makes a checkpoint of zones whose logs have grown, in a transaction of its own: what each is now becomes a leaf of the
 * installation's log, which is signed once. No log of a zone is locked meanwhile.
 *
 * @param most how many zones
 * @returns null if no zone has grown, or others are at it
 */
export async function makeCheckpoint(
  tx: Queries,
  { id, signer }: CheckpointSigner,
  most = MOST_ZONES,
): Promise<MadeCheckpoint | null> {
  const log = await takeLog(tx, INSTALLATION_LOG);
  if (log === null) return null;
  const zones = await tx.query<GrownZone[]>(GROWN, [INSTALLATION_LOG, most]);
  const [{ at } = { at: '' }] = zones;
  if (zones.length === 0) return null;

  const tree = await readEdge(tx, INSTALLATION_LOG, log);
  const bodies = zones.map(({ origin, size, root }) =>
    formatCheckpoint({ origin, size, root, extensions: [`time ${at}`] }),
  );
  for (const body of bodies) tree.add(Buffer.from(body));
  const { size, root } = tree;
  await storeTree(tx, INSTALLATION_LOG, tree);
  const text = formatCheckpoint({ origin: log.origin, size, root, extensions: [] });
  await tx.query(STORE, [
    zones.map(({ zoneId }) => zoneId),
    zones.map((zone) => zone.size),
    zones.map((zone) => zone.root),
    bodies,
    zones.map((_, index) => log.size + index),
    at,
    size,
    root,
    signNote(text, [signer]),
    id,
  ]);
  return { size, zones: zones.length };
}

const GROWN = `SELECT l.zone_id AS "zoneId", l.origin, l.size::float8 AS size, l.root,
         to_char(greatest(statement_timestamp(), k.at) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at
    FROM evidence_logs l
    LEFT JOIN (SELECT c.at FROM checkpoints c ORDER BY c.size DESC LIMIT 1) AS k ON true
    LEFT JOIN evidence_checkpointed c ON c.zone_id = l.zone_id
   WHERE l.zone_id <> $1 AND l.size > coalesce(c.size, 0) ORDER BY l.zone_id LIMIT $2`;
const STORE = `WITH zones AS (
    SELECT z.*, $6::timestamptz AS at FROM unnest($1::uuid[], $2::bigint[], $3::bytea[], $4::text[], $5::bigint[])
      AS z (zone_id, size, root, body, leaf)
  ), of_zones AS (
    INSERT INTO zone_checkpoints (zone_id, size, root, body, leaf, at)
    SELECT z.zone_id, z.size, z.root, z.body, z.leaf, z.at FROM zones z
  ), reached AS (
    INSERT INTO evidence_checkpointed (zone_id, size) SELECT z.zone_id, z.size FROM zones z
    ON CONFLICT (zone_id) DO UPDATE SET size = EXCLUDED.size
  ), signed AS (
    INSERT INTO checkpoints (size, root, note, key_id, at) VALUES ($7, $8, $9, $10, $6::timestamptz)
  )
  SELECT 1`;
