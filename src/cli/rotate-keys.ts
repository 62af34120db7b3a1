import { v7 as uuidv7 } from 'uuid';
import type { EntityManager } from 'typeorm';
import type { KeyRotation } from '../admin/keys/key-rotation.service.js';
import { COMMAND_LINE } from '../admin/operators/operator.js';
import { instant } from '../platform/config/clock.js';
import { Zone } from '../zones/zone.entity.js';
import { EXIT, table, type CommandResult } from './command-result.js';

/** The services that {@link rotateKeys} uses. */
export interface RotateServices {
  readonly read: EntityManager;
  readonly rotation: Pick<KeyRotation, 'rotate'>;
}

/**
 * `keys rotate`: rotates the signing keys of one zone or of all, as the API does, with an audit event.
 *
 * @param zoneId `null` for every zone
 * @param emergency whether the present keys have leaked
 */
export async function rotateKeys(
  { read, rotation }: RotateServices,
  zoneId: string | null,
  emergency: boolean,
): Promise<CommandResult> {
  const zones =
    zoneId === null
      ? await read.getRepository(Zone).find({ select: { id: true } })
      : [{ id: zoneId }];
  const rotated = [];
  for (const { id } of zones) {
    const requestId = { request_id: uuidv7() };
    const change = { zoneId: id, requestId, operator: COMMAND_LINE, emergency };
    const { kid, alg, state, activatesAt } = await rotation.rotate(change);
    const at = instant(activatesAt).toISOString();
    rotated.push({ zone_id: id, kid, alg, state, activates_at: at, ...change.requestId });
  }
  return {
    code: EXIT.done,
    json: { rotated },
    lines: table([
      ['zone', 'kid', 'alg', 'state', 'activates'],
      ...rotated.map((key) => [key.zone_id, key.kid, key.alg, key.state, key.activates_at]),
    ]),
  };
}
