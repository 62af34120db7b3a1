import type { EntityManager } from 'typeorm';
import { countAffected } from '../../issuer/revocation/affects.js';
import type { Counts } from '../../platform/database/bounded-count.js';

/** What ends with a session, with an agent session or with a delegation: how many of each there are now. */
export type AffectedByEnd = Counts<
  'sessions' | 'agent_sessions' | 'delegations' | 'mandates_unexpired'
>;

/** Counts what ends with something, itself included. */
export async function affectedBy(
  tx: EntityManager,
  zoneId: string,
  target: Parameters<typeof countAffected>[2],
): Promise<AffectedByEnd> {
  const { grants: _none, at_least: more = [], ...alive } = await countAffected(tx, zoneId, target);
  const atLeast = more.flatMap((kind) => (kind === 'grants' ? [] : [kind]));
  return { ...alive, ...(atLeast.length === 0 ? {} : { at_least: atLeast }) };
}
