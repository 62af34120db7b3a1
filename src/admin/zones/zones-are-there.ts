import type { EntityManager } from 'typeorm';

/**
 * Whether there is each of some zones, and none is being removed. The directory says it, which is whole on every node of a
 * distributed database.
 *
 * @param zoneIds each once
 * @throws the driver's error
 */
export async function zonesAreThere(
  tx: EntityManager,
  zoneIds: readonly string[],
): Promise<boolean> {
  const there = await tx.query<unknown[]>(THERE, [zoneIds]);
  return there.length >= zoneIds.length;
}

const THERE =
  'SELECT 1 FROM zone_directory WHERE zone_id = ANY ($1::uuid[]) AND removed_at IS NULL';
