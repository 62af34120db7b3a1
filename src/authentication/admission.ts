import type { EntityManager } from 'typeorm';
import { invalidToken, STALE, type Bearer, type Stale } from './session-bearers.service.js';

/**
 * Checks in the database what a bearer rests on: its zone, client, sessions and token.
 *
 * @param admission {@link ADMIT}, or the same keeping the zone as it is until the transaction ends
 * @returns the database's time, in seconds since the epoch, or that the zone has changed
 * @throws {OAuthError} invalid_token
 */
export async function admit(
  { zone, claims }: Bearer,
  tx: EntityManager,
  admission: string,
): Promise<number | Stale> {
  const [row] = await tx.query<
    { version: string; enabled: boolean; alive: boolean; revoked: boolean; now: number }[]
  >(admission, [zone.zoneId, claims.clientId, claims.sid, claims.rootSid, claims.jti]);
  if (row?.version !== zone.version) return STALE;
  if (!row.enabled) throw invalidToken('of a client that is disabled or gone');
  if (!row.alive) throw invalidToken('its session has ended');
  if (row.revoked) throw invalidToken('revoked');
  return row.now;
}

/** The statement of {@link admit}. */
export const ADMIT = `
  SELECT z.version::text,
         floor(extract(epoch FROM clock_timestamp()))::float8 AS now,
         EXISTS (SELECT 1 FROM clients c
                  WHERE c.zone_id = z.id AND c.id = $2 AND c.disabled_at IS NULL) AS enabled,
         (SELECT count(*) FROM sessions s
           WHERE s.zone_id = z.id AND s.id IN ($3::uuid, $4::uuid)
             AND s.ended_at IS NULL AND s.expires_at > clock_timestamp())
           = (CASE WHEN $3::uuid = $4::uuid THEN 1 ELSE 2 END) AS alive,
         EXISTS (SELECT 1 FROM revocations r WHERE r.zone_id = z.id AND r.jti = $5) AS revoked
    FROM zones z WHERE z.id = $1`;
