import { OAuthError } from '../../oauth/errors.js';
import { confinementsOf, leafOf, type DelegationRoute } from '../delegation-route.js';
import { unusable } from './agent-sessions.service.js';
import type { Caller } from './graph.service.js';

/**
 * Checks that a delegation closes no circle, and leads around nothing that confines its target.
 *
 * @throws {OAuthError} invalid_grant
 */
export async function checkPlace(
  { tx, zoneId }: Caller,
  source: DelegationRoute,
  target: DelegationRoute,
): Promise<void> {
  const [row] = await tx.query<{ circular: boolean }[]>(CIRCULAR, [
    zoneId,
    source.acting.id,
    target.acting.id,
  ]);
  if (row?.circular !== false) {
    throw new OAuthError('invalid_grant', 'the delegation would go in a circle');
  }
  const way = leafOf(source)?.edgePath ?? [];
  const outside = confinementsOf(target).find((id) => !way.includes(id));
  if (outside !== undefined) throw unusable(`the target is confined by delegation ${outside}`);
}

/** The first delegation to a session confines it, and all sessions below it as far as it did before. */
export async function confine(
  { tx, zoneId }: Caller,
  targetId: string,
  edgeId: string,
): Promise<void> {
  await tx.query(CONFINE, [zoneId, targetId, edgeId]);
}

const CONFINE = `
  WITH RECURSIVE target AS (
    SELECT id, edge_id FROM agent_sessions WHERE zone_id = $1 AND id = $2
  ), below AS (
    SELECT id FROM target
    UNION ALL
    SELECT a.id FROM agent_sessions a JOIN below b ON a.parent_id = b.id WHERE a.zone_id = $1
  )
  UPDATE agent_sessions a
     SET narrowed = true,
         edge_id = CASE WHEN a.id <> t.id AND a.edge_id IS NOT DISTINCT FROM t.edge_id
                        THEN $3::uuid ELSE a.edge_id END
    FROM target t
   WHERE a.zone_id = $1 AND a.id IN (SELECT id FROM below)
     AND NOT EXISTS (SELECT 1 FROM delegation_edges e
                      WHERE e.zone_id = $1 AND e.target_id = $2 AND e.id <> $3 AND e.accepted_at IS NOT NULL)`;

/** Whether the target is above the source already: a parent of it, or one that delegated to it. */
const CIRCULAR = `
  WITH RECURSIVE above AS (
    SELECT $2::uuid AS id
    UNION
    SELECT next.id FROM above a CROSS JOIN LATERAL (
      SELECT s.parent_id AS id FROM agent_sessions s
       WHERE s.zone_id = $1 AND s.id = a.id AND s.parent_id IS NOT NULL
      UNION ALL
      SELECT e.source_id FROM delegation_edges e
       WHERE e.zone_id = $1 AND e.target_id = a.id
         AND e.accepted_at IS NOT NULL AND e.revoked_at IS NULL AND e.expires_at > clock_timestamp()
    ) AS next
  )
  SELECT EXISTS (SELECT 1 FROM above WHERE id = $3::uuid) AS circular`;
