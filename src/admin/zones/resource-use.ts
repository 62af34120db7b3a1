import type { EntityManager } from 'typeorm';
import { countAffected } from '../../issuer/revocation/affects.js';
import { countRows, type Counts } from '../../platform/database/bounded-count.js';
import type { Resource } from '../../zones/resource.entity.js';

/** What names a resource: how many of each there are now. */
export type UseOfResource = Counts<
  | 'default_of_clients'
  | 'default_of_zone'
  | 'delegations'
  | 'challenges_pending'
  | 'mandates_unexpired'
  | 'policies'
>;

/**
 * Counts what names a resource: clients and the zone that have it among their default resources, delegations that hold, held
 * requests, mandates that have not expired, and policies that decide or are tried in shadow, whose text has its identifier.
 */
export async function useOf(
  tx: EntityManager,
  { zoneId, identifier }: Pick<Resource, 'zoneId' | 'identifier'>,
): Promise<UseOfResource> {
  const { at_least: atLeast, ...counts } = await countRows(tx, NAMING, [zoneId, identifier]);
  const target = { kind: 'resource', name: identifier } as const;
  const { mandates_unexpired: mandates } = await countAffected(tx, zoneId, target);
  return {
    ...counts,
    mandates_unexpired: mandates,
    ...(atLeast === undefined ? {} : { at_least: atLeast }),
  };
}

const NAMING = {
  default_of_clients:
    'clients c WHERE c.zone_id = $1 AND $2 = ANY (c.default_resources) AND c.removed_at IS NULL',
  default_of_zone: 'zones z WHERE z.id = $1 AND $2 = ANY (z.default_resources)',
  delegations: `delegation_edges d WHERE d.zone_id = $1 AND d.resource = $2
    AND d.revoked_at IS NULL AND d.expires_at > clock_timestamp()`,
  challenges_pending: `challenges c WHERE c.zone_id = $1 AND c.request->'resources' ? $2
    AND c.decision IS NULL AND c.expires_at > clock_timestamp()`,
  policies: `zones z JOIN policy_set_members m ON m.zone_id = z.id
      AND m.policy_set_version_id IN (z.active_policy_set_version_id, z.shadow_policy_set_version_id)
    JOIN policy_versions v ON v.zone_id = m.zone_id AND v.id = m.policy_version_id
    WHERE z.id = $1 AND strpos(v.content, '"' || $2 || '"') > 0`,
} as const;
