import type { Zone } from './zone.entity.js';

/** The transaction in which the zone is written. */
interface Transaction {
  query(text: string, values: readonly unknown[]): Promise<unknown>;
}

/**
 * Writes into the directory what no two zones may have both (`zone-directory.sql`), before the zone is written in the same
 * transaction. What is not given stays as it is.
 *
 * @throws the driver's error, for `zones_name_key` or `zones_issuer_url_key`, if another zone has it
 */
export async function listZone(
  tx: Transaction,
  id: string,
  { name, issuerUrl }: Partial<Pick<Zone, 'name' | 'issuerUrl'>>,
): Promise<void> {
  if (name === undefined && issuerUrl === undefined) return;
  await tx.query(LIST, [id, name ?? null, issuerUrl ?? null, issuerUrl !== undefined]);
}

const LIST_NEW = 'INSERT INTO zone_directory (zone_id, name, issuer_url) VALUES ($1, $2, $3)';

const LIST = `
  UPDATE zone_directory
     SET name = coalesce($2, name), issuer_url = CASE WHEN $4::boolean THEN $3 ELSE issuer_url END
   WHERE zone_id = $1`;

/** The same for a zone that is yet to be made. */
export async function listNewZone(
  tx: Transaction,
  { id, name, issuerUrl }: Pick<Zone, 'id' | 'name' | 'issuerUrl'>,
): Promise<void> {
  await tx.query(LIST_NEW, [id, name, issuerUrl]);
}

/** Lists a zone, `$1`, as one that is being removed, under the name that it has meanwhile: `$2`. */
export const LIST_AS_REMOVED =
  'UPDATE zone_directory SET name = $2, removed_at = now() WHERE zone_id = $1';

/** Takes a zone that is gone out of the directory: `$1`. */
export const UNLIST_ZONE = 'DELETE FROM zone_directory WHERE zone_id = $1';
