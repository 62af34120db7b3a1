import { INSTALLATION_LOG } from '../../audit/installation-log.js';
import type { Queries } from '../queries.js';
import type { PutCosignature, SignedNow } from './checkpoint-place.js';

/** The newest signed checkpoint of the installation. Null before the first one. */
export async function readNewest(db: Queries): Promise<SignedNow | null> {
  const [row] = await db.query<SignedNow[]>(NEWEST);
  return row ?? null;
}

/** How many leaves the last checkpoint has that a place has got, as far as the database knows: 0 if none. */
export async function readExported(db: Queries, place: string): Promise<number> {
  const [row] = await db.query<{ size: number }[]>(EXPORTED, [place]);
  return row?.size ?? 0;
}

/** Seconds since the oldest checkpoint was signed behind the last one that a place has got; 0 if there is none. */
export async function readExportLag(db: Queries, place: string): Promise<number> {
  const [row] = await db.query<{ seconds: number }[]>(LAG, [place]);
  return row?.seconds ?? 0;
}

/** Remembers that a place has got a checkpoint, and what it has signed of it. */
export async function storeExported(
  db: Queries,
  place: string,
  size: number,
  cosignatures: readonly PutCosignature[],
): Promise<void> {
  await db.query(STORE, [
    place,
    size,
    cosignatures.map(({ signer }) => signer),
    cosignatures.map(({ line }) => line),
  ]);
}

const NEWEST = `SELECT c.size::float8 AS size, c.root, c.note, l.origin
  FROM checkpoints c CROSS JOIN evidence_logs l WHERE l.zone_id = '${INSTALLATION_LOG}' ORDER BY c.size DESC LIMIT 1`;
const EXPORTED = `SELECT size::float8 AS size FROM checkpoint_exports WHERE place = $1`;
const LAG = `SELECT greatest(extract(epoch FROM clock_timestamp() - c.at), 0)::float8 AS seconds FROM checkpoints c
  WHERE c.size > coalesce((SELECT e.size FROM checkpoint_exports e WHERE e.place = $1), 0) ORDER BY c.size LIMIT 1`;
const STORE = `WITH cosigned AS (
    INSERT INTO checkpoint_cosignatures (size, signer, line, at)
    SELECT $2, s.signer, s.line, clock_timestamp() FROM unnest($3::text[], $4::text[]) AS s (signer, line)
    ON CONFLICT (size, signer) DO NOTHING
  )
  INSERT INTO checkpoint_exports AS e (place, size, at) VALUES ($1, $2, clock_timestamp())
  ON CONFLICT (place) DO UPDATE SET size = EXCLUDED.size, at = EXCLUDED.at
   WHERE e.size <> EXCLUDED.size
  RETURNING 1`;
