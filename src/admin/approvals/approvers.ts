import type { EntityManager } from 'typeorm';
import { ROLE_NAMES, ROLES } from '../operators/roles.js';

/** The roles that may approve. */
const APPROVING = ROLE_NAMES.filter((role) => ROLES[role].permissions.has('approvals:write'));

/** How many named operators can approve: enabled, of all zones, with a good key that they drew for themselves. */
export async function countApprovers(tx: EntityManager): Promise<number> {
  const [row] = await tx.query<{ count: number }[]>(APPROVERS, [APPROVING]);
  return row?.count ?? 0;
}

/** Whether anybody else than an operator can look at what it did in a zone. @param operatorId `null` for no named one */
export async function canReview(
  tx: EntityManager,
  operatorId: string | null,
  zoneId: string,
): Promise<boolean> {
  const found = await tx.query<unknown[]>(REVIEWERS, [APPROVING, operatorId, zoneId]);
  return found.length > 0;
}

/** Whether who has decided an approval is somebody who may still decide it, in SQL about `approvals`. */
export const DECIDER_HOLDS = `EXISTS (
    SELECT FROM operators o
     WHERE o.id = decided_by_id AND o.disabled_at IS NULL AND o.role = ANY ('{${APPROVING.join(',')}}'::text[])
       AND (o.zones IS NULL OR zone_id = ANY (o.zones)))`;

/** Operators who may approve something, with their good keys that are nobody else's. */
const WITH_OWN_KEYS = `
    FROM operators o JOIN operator_keys k ON k.operator_id = o.id
   WHERE o.role = ANY ($1::text[]) AND o.disabled_at IS NULL AND k.drawn_with IS NOT NULL
     AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > clock_timestamp())`;

const APPROVERS = `SELECT count(DISTINCT o.id)::int AS count ${WITH_OWN_KEYS} AND o.zones IS NULL`;

const REVIEWERS = `
  SELECT 1 ${WITH_OWN_KEYS} AND o.id IS DISTINCT FROM $2::uuid AND (o.zones IS NULL OR $3::uuid = ANY (o.zones)) LIMIT 1`;
