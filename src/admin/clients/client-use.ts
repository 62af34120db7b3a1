import type { EntityManager } from 'typeorm';
import { countAffected } from '../../issuer/revocation/affects.js';
import { countRows, type Counts } from '../../platform/database/bounded-count.js';
import type { Client } from '../../zones/clients/client.entity.js';

/** What hangs on a client: how many of each there are now. */
export type UseOfClient = Counts<
  | 'sessions'
  | 'agent_sessions'
  | 'delegations'
  | 'mandates_unexpired'
  | 'challenges_pending'
  | 'secrets'
  | 'introspector_of_resources'
  | 'named_by_issuers'
>;

/**
 * Counts what hangs on a client: what is alive of what it was issued, held requests of it, its secrets, resources that it
 * may introspect mandates of, and issuers that name it among those that may present their tokens.
 */
export async function useOf(
  tx: EntityManager,
  { zoneId, id }: Pick<Client, 'zoneId' | 'id'>,
): Promise<UseOfClient> {
  const target = { kind: 'client_id', name: id } as const;
  const { grants: _none, at_least: more = [], ...alive } = await countAffected(tx, zoneId, target);
  const { at_least: others = [], ...counts } = await countRows(tx, HANGING, [zoneId, id]);
  const atLeast = [...more.flatMap((kind) => (kind === 'grants' ? [] : [kind])), ...others];
  return { ...alive, ...counts, ...(atLeast.length === 0 ? {} : { at_least: atLeast }) };
}

const HANGING = {
  challenges_pending: `challenges c WHERE c.zone_id = $1 AND c.client_id = $2::uuid
    AND c.decision IS NULL AND c.expires_at > clock_timestamp()`,
  secrets: `client_secrets s WHERE s.zone_id = $1 AND s.client_id = $2::uuid AND s.revoked_at IS NULL
    AND (s.expires_at IS NULL OR s.expires_at > clock_timestamp())`,
  introspector_of_resources:
    'resources r WHERE r.zone_id = $1 AND $2::uuid = ANY (r.introspection_client_ids)',
  named_by_issuers:
    'trusted_issuers i WHERE i.zone_id = $1 AND $2::uuid = ANY (i.allowed_client_ids)',
} as const;
