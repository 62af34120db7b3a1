import type { EntityManager } from 'typeorm';
import { instant } from '../platform/config/clock.js';
import { keyState } from '../keys/rotation/key-schedule.js';
import { keyIdOf } from '../sealing/seal.js';
import { SigningKey } from '../keys/signing-key.entity.js';
import { scheduleOf } from '../keys/rotation/stored-schedule.js';
import { EXIT, table, type CommandResult } from './command-result.js';

/**
 * `keys list`: every signing key with its state, schedule and signer. Nothing private is in it.
 *
 * @param zoneId `null` for all zones
 * @param now milliseconds since the epoch
 */
export async function listKeys(
  read: EntityManager,
  zoneId: string | null,
  now: number,
): Promise<CommandResult> {
  const rows = await read.getRepository(SigningKey).find({
    where: zoneId === null ? {} : { zoneId },
    order: { zoneId: 'ASC', activatesAt: 'ASC', kid: 'ASC' },
  });
  const keys = rows.map((row) => {
    const sealed = row.sealedPrivateKey ?? row.sealedSignerHandle;
    const schedule = scheduleOf(row);
    return {
      zone_id: row.zoneId,
      kid: row.kid,
      alg: row.alg,
      state: keyState(schedule, now),
      signer: row.sealedPrivateKey === null ? 'socket' : 'local',
      key_encryption_key: (sealed === null ? null : keyIdOf(sealed)) ?? 'of the first release',
      activates_at: instant(schedule.activatesAt).toISOString(),
      retires_at: textOf(schedule.retiresAt),
      expires_at: textOf(schedule.expiresAt),
    };
  });
  return {
    code: EXIT.done,
    json: { keys },
    lines: table([
      ['zone', 'kid', 'alg', 'state', 'signer', 'activates', 'retires', 'expires'],
      ...keys.map((key) => [
        key.zone_id,
        key.kid,
        key.alg,
        key.state,
        key.signer,
        key.activates_at,
        key.retires_at ?? '-',
        key.expires_at ?? '-',
      ]),
    ]),
  };
}

function textOf(ms: number | null): string | null {
  return ms === null ? null : instant(ms).toISOString();
}
