import type { KeySchedule } from './key-schedule.js';
import type { SigningKey } from './signing-key.entity.js';

/** The moments of a stored key. */
export function scheduleOf(row: SigningKey): KeySchedule {
  return {
    activatesAt: row.activatesAt.getTime(),
    retiresAt: row.retiresAt?.getTime() ?? null,
    expiresAt: row.expiresAt?.getTime() ?? null,
    compromisedAt: row.compromisedAt?.getTime() ?? null,
  };
}
