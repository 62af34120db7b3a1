import { ConflictException } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { PolicySetVersion } from '../../policy/policy-set.entity.js';
import type { Zone } from '../../zones/zone.entity.js';
import { found } from '../find-row.js';
import { changesOf, type ReplayProgress } from './replay-progress.js';

/** Hours for which a replay counts, from the last request on that it may have looked at. */
const COUNTS_HOURS = 24;

/** What a replay had come to that an activation was held to. */
export interface HeldToBudget {
  readonly policy_replay_id: string;
  readonly max_changes: number;
  readonly changed: number;
}

/** The most decisions that may be other ones, and who says so. */
interface ChangeBudget {
  readonly most: number;
  readonly saidBy: 'max_changes' | 'policy_max_changes of the zone';
}

/**
 * Holds an activation to a budget, its own or that of its zone, whichever is smaller: a replay of the very same policies
 * against what is active has to be complete and of the last day, and to have found no more decisions that would be other ones.
 * What it could not make again counts as if it were another one.
 *
 * @param zone as it is, locked
 * @param maxChanges the most decisions; `undefined` for no more than the zone asks for
 * @returns what was found; `null` without a budget, and where these policies are active already
 * @throws {HttpException} 404 for a version that has just gone; 409 for no such replay, or one that has found more
 */
export async function holdToBudget(
  tx: EntityManager,
  zone: Zone,
  setVersionId: string,
  maxChanges: number | undefined,
): Promise<HeldToBudget | null> {
  const { id: zoneId, activePolicySetVersionId: active } = zone;
  const budget = budgetOf(zone, maxChanges);
  if (budget === null || setVersionId === active) return null;
  const versions = tx.getRepository(PolicySetVersion);
  const candidate = found(
    await versions.findOneBy({ zoneId, id: setVersionId }),
    'policy set version',
  );
  const base = active === null ? null : await versions.findOneByOrFail({ zoneId, id: active });
  const [replay] = await tx.query<{ id: string; progress: ReplayProgress }[]>(LATEST, [
    zoneId,
    candidate.manifestSha256,
    base?.manifestSha256 ?? null,
    COUNTS_HOURS,
  ]);
  if (replay === undefined) {
    throw new ConflictException(
      `${budget.saidBy} needs a replay of these policies against those that are active, complete and of the last ${COUNTS_HOURS} hours`,
    );
  }
  const { changed, unknown } = changesOf(replay.progress);
  if (changed + unknown > budget.most) {
    const besides = unknown === 0 ? '' : `, and ${unknown} could not be made again`;
    throw new ConflictException(
      `${changed} decisions would be other ones${besides}, by replay ${replay.id}: ${budget.saidBy} allows ${budget.most}`,
    );
  }
  return { policy_replay_id: replay.id, max_changes: budget.most, changed };
}

/** The smaller budget. Where nothing is active nothing is decided that could be another decision, so the zone asks for none. */
function budgetOf(
  { activePolicySetVersionId: active, policyMaxChanges: ofZone }: Zone,
  own: number | undefined,
): ChangeBudget | null {
  if (ofZone !== null && active !== null && (own === undefined || ofZone < own)) {
    return { most: ofZone, saidBy: 'policy_max_changes of the zone' };
  }
  return own === undefined ? null : { most: own, saidBy: 'max_changes' };
}

const LATEST = `
  SELECT id, progress FROM policy_replays
   WHERE zone_id = $1 AND manifest_sha256 = $2 AND base_manifest_sha256 IS NOT DISTINCT FROM $3
     AND state = 'done' AND progress->>'stoppedBy' IS NULL AND to_at > now() - $4::integer * interval '1 hour'
   ORDER BY to_at DESC LIMIT 1`;
