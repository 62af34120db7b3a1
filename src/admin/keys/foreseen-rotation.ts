import type { EntityManager } from 'typeorm';
import { countAffected } from '../../issuer/revocation/affects.js';
import type { KeyPlan } from '../../keys/rotation/key-intent.js';
import { instant } from '../../platform/config/clock.js';
import type { WouldRotate } from './signing-key-view.js';

/**
 * Says what a rotation would do, and how many mandates would not verify any more: those of the keys that it withdraws.
 *
 * @param tx a transaction, whose counts have their bounds of rows and of time
 */
export async function foreseeRotation(
  tx: EntityManager,
  zoneId: string,
  { changes }: KeyPlan,
): Promise<WouldRotate> {
  const kidsOf = (step: 'retire' | 'withdraw') =>
    changes.flatMap((change) => (change.step === step ? [change.kid] : []));
  const withdraw = kidsOf('withdraw');
  return {
    publish: changes.flatMap((change) =>
      change.step === 'publish'
        ? [{ alg: change.alg, activates_at: instant(change.activatesAt) }]
        : [],
    ),
    retire: kidsOf('retire'),
    withdraw,
    affects: { mandates_unexpired: await mandatesBy(tx, zoneId, withdraw) },
  };
}

async function mandatesBy(
  tx: EntityManager,
  zoneId: string,
  kids: readonly string[],
): Promise<number | null> {
  let sum: number | null = 0;
  for (const kid of kids) {
    const target = { kind: 'kid', name: kid } as const;
    // oxlint-disable-next-line no-await-in-loop
    const { mandates_unexpired: mandates } = await countAffected(tx, zoneId, target);
    sum = sum === null || mandates === null ? null : sum + mandates;
  }
  return sum;
}
