import type { EntityManager } from 'typeorm';
import { countRows, type Counts } from '../../platform/database/bounded-count.js';
import type { Scope } from '../../zones/scope.entity.js';

/** What has a scope: how many of each there are now. */
export type UseOfScope = Counts<'resources' | 'delegations' | 'challenges_pending'>;

/** Counts what has a scope: resources, delegations that hold, and held requests. */
export function useOf(
  tx: EntityManager,
  { zoneId, name }: Pick<Scope, 'zoneId' | 'name'>,
): Promise<UseOfScope> {
  return countRows(tx, HAVING, [zoneId, name]);
}

const HAVING = {
  resources: 'resources t WHERE t.zone_id = $1 AND $2 = ANY (t.scopes)',
  delegations: `delegation_edges d WHERE d.zone_id = $1 AND $2 = ANY (d.scopes)
    AND d.revoked_at IS NULL AND d.expires_at > clock_timestamp()`,
  challenges_pending: `challenges c WHERE c.zone_id = $1 AND c.request->'scopes' ? $2
    AND c.decision IS NULL AND c.expires_at > clock_timestamp()`,
} as const;
