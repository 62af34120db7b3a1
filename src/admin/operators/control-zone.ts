import { ConflictException, ForbiddenException } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Change } from '../change.js';
import type { ActsAs } from './operator.js';
import { permissionsOf } from './roles.js';

/** Changes that only take authority away, or decide as a second person. */
const GIVES_NOTHING = /^(session|sessions|agent_session|delegation|revocation|approval)\./;

/** The id of the zone whose mandates are operators; `null` for none. */
export async function controlZoneOf(tx: Pick<EntityManager, 'query'>): Promise<string | null> {
  const [row] = await tx.query<{ id: string | null }[]>(CONTROL_ZONE);
  return row?.id ?? null;
}

/** @throws {ConflictException} if a zone is the control zone: then it must not go */
export async function checkNotControlZone(
  tx: Pick<EntityManager, 'query'>,
  zoneId: string,
): Promise<void> {
  if ((await controlZoneOf(tx)) !== zoneId) return;
  throw new ConflictException('the zone is the control zone: name another one before, or none');
}

/**
 * Whether somebody may change the control zone: whoever writes its policies or registers its clients can have mandates say
 * anything, so that takes all that there is to give.
 */
export function mayChangeControlZone({ permissions, zones }: ActsAs): boolean {
  if (permissions === undefined) return true;
  return zones === null && [...permissionsOf('owner')].every((each) => permissions.has(each));
}

/**
 * Sees to it that nobody changes the control zone to have more than they have, whichever route the change comes from: paths
 * of Shyntr's name a zone by its name, or in the body.
 *
 * @throws {ForbiddenException}
 */
export async function checkMayChange(
  tx: Pick<EntityManager, 'query'>,
  { zoneId, type, operator }: Change,
): Promise<void> {
  if (mayChangeControlZone(operator) || GIVES_NOTHING.test(type)) return;
  if ((await controlZoneOf(tx)) !== zoneId) return;
  throw new ForbiddenException(
    'all permissions of an owner are required, as this is the control zone',
  );
}

const CONTROL_ZONE = 'SELECT control_zone_id AS id FROM administration';
