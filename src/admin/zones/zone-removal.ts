import type { EntityManager } from 'typeorm';
import { Resource } from '../../zones/resource.entity.js';
import { UNLIST_ZONE } from '../../zones/zone-directory.js';
import { Zone } from '../../zones/zone.entity.js';
import type { Made } from '../audited-changes.service.js';
import { endZone, isSmall, type Ended } from '../removals/ending.js';

/** Removes a zone at once, if that is little; otherwise ends it, and what is in it is removed in the background. */
export async function endOrRemove(tx: EntityManager, { id, name }: Zone): Promise<Made<void>> {
  const ended: Ended = { kind: 'zone', zoneId: id, id, name };
  const small = await isSmall(tx, ended);
  if (small) {
    // Before the clients, which may own them.
    await tx.getRepository(Resource).delete({ zoneId: id });
    await tx.getRepository(Zone).delete({ id });
    await tx.query(UNLIST_ZONE, [id]);
  } else {
    await endZone(tx, ended);
  }
  return {
    result: undefined,
    details: { zone: { id, name }, ...(small ? {} : { removing: true }) },
  };
}
