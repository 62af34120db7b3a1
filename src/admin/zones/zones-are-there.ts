import { In, IsNull, type EntityManager } from 'typeorm';
import { countInZones } from '../../platform/database/at-zones.js';
import { Zone } from '../../zones/zone.entity.js';

/**
 * Whether there is each of some zones, and none is being removed.
 *
 * @param zoneIds each once
 * @throws the driver's error
 */
export async function zonesAreThere(
  tx: EntityManager,
  zoneIds: readonly string[],
): Promise<boolean> {
  const there = await countInZones(tx, zoneIds, (on, some) =>
    on.getRepository(Zone).countBy({ id: In([...some]), removedAt: IsNull() }),
  );
  return there >= zoneIds.length;
}
