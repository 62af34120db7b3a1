import { instant } from '../../platform/config/clock.js';
import type { KeySchedule } from './key-schedule.js';
import type { SigningKey } from '../signing-key.entity.js';

/** The columns of a key's schedule that may change. */
type ScheduleColumns = Pick<
  SigningKey,
  'activatesAt' | 'retiresAt' | 'expiresAt' | 'compromisedAt'
>;

/** The schedule of a stored key. */
export function scheduleOf(row: ScheduleColumns & Pick<SigningKey, 'publishedAt'>): KeySchedule {
  return {
    publishedAt: row.publishedAt.getTime(),
    activatesAt: row.activatesAt.getTime(),
    retiresAt: row.retiresAt?.getTime() ?? null,
    expiresAt: row.expiresAt?.getTime() ?? null,
    compromisedAt: row.compromisedAt?.getTime() ?? null,
  };
}

/** The columns of a schedule, all but when the key was published, which never changes. */
export function columnsOf(schedule: KeySchedule): ScheduleColumns {
  const { activatesAt, retiresAt, expiresAt, compromisedAt } = schedule;
  return {
    activatesAt: instant(activatesAt),
    retiresAt: retiresAt === null ? null : instant(retiresAt),
    expiresAt: expiresAt === null ? null : instant(expiresAt),
    compromisedAt: compromisedAt === null ? null : instant(compromisedAt),
  };
}
