import type { EntityManager } from 'typeorm';
import { countAffected } from '../../issuer/revocation/affects.js';
import { countRows, type Counts } from '../../platform/database/bounded-count.js';

/** What is in a zone: how many of each there are now. */
export type ContentsOfZone = Counts<
  | 'clients'
  | 'resources'
  | 'issuers'
  | 'policies'
  | 'signing_keys'
  | 'webhooks'
  | 'authenticators'
  | 'challenges_pending'
  | 'sessions'
  | 'agent_sessions'
  | 'delegations'
  | 'mandates_unexpired'
  | 'audit_days'
>;

/**
 * Counts what is in a zone: what operators have registered, what is alive, and the days of which the audit log has something
 * of it, which it keeps.
 */
export async function contentsOf(tx: EntityManager, zoneId: string): Promise<ContentsOfZone> {
  const { at_least: manyOf, ...registered } = await countRows(tx, IN_ZONE, [zoneId]);
  const affected = await countAffected(tx, zoneId, { kind: 'zone' });
  const { grants: _none, at_least: manyAlive = [], ...alive } = affected;
  const atLeast = [...(manyOf ?? []), ...manyAlive.filter((kind) => kind !== 'grants')];
  return { ...registered, ...alive, ...(atLeast.length === 0 ? {} : { at_least: atLeast }) };
}

/** The midnight after the moment in an id (UUIDv7, RFC 9562 5.7). */
const DAY_AFTER = (id: string) =>
  `date_trunc('day', to_timestamp(('x0000' || left(replace(${id}::text, '-', ''), 12))::bit(64)::bigint / 1000.0), 'UTC') + interval '1 day'`;

/** A row for each day of which the audit log has something of a zone: from the first event of a day straight to the next day. */
export const AUDIT_DAYS = `(WITH RECURSIVE days AS (
      (SELECT e.id FROM audit_events e WHERE e.zone_id = $1 ORDER BY e.id LIMIT 1)
      UNION ALL
      SELECT (SELECT e.id FROM audit_events e WHERE e.zone_id = $1
                 AND e.id >= uuid_from_time(${DAY_AFTER('days.id')})
               ORDER BY e.id LIMIT 1)
        FROM days WHERE days.id IS NOT NULL)
    SELECT id FROM days WHERE id IS NOT NULL) AS day`;

const IN_ZONE = {
  clients: 'clients c WHERE c.zone_id = $1 AND c.removed_at IS NULL',
  resources: 'resources t WHERE t.zone_id = $1',
  issuers: 'trusted_issuers i WHERE i.zone_id = $1',
  policies: 'policies p WHERE p.zone_id = $1',
  signing_keys: `signing_keys k WHERE k.zone_id = $1 AND k.compromised_at IS NULL
    AND (k.expires_at IS NULL OR k.expires_at > clock_timestamp())`,
  webhooks: 'webhooks w WHERE w.zone_id = $1',
  authenticators: 'authenticators a WHERE a.zone_id = $1',
  challenges_pending: `challenges c WHERE c.zone_id = $1 AND c.decision IS NULL AND c.expires_at > clock_timestamp()`,
  audit_days: AUDIT_DAYS,
} as const;
