import type { EntityManager } from 'typeorm';
import { generationsSaid } from '../mandates/taken-back.js';
import { invalidToken, STALE, type Bearer, type Stale } from './session-bearers.service.js';

/**
 * Checks in the database what a bearer rests on: its zone, client, sessions and token.
 *
 * @returns the database's time, in seconds since the epoch, or that the settings of the zone have changed
 * @throws {OAuthError} invalid_token
 */
export async function admit(bearer: Bearer, tx: EntityManager): Promise<number | Stale> {
  const row = await look(bearer, tx);
  return row?.version === bearer.zone.version ? admitted(row) : STALE;
}

/**
 * Checks the same in a transaction that has its turn in the zone, so that the zone does not change until it ends. Others
 * wait for that, so nothing is loaded there: it is not asked whether the zone has another version, but whether the key
 * by which the bearer was verified is still one of the zone's.
 *
 * @returns the database's time, in seconds since the epoch
 * @throws {OAuthError} invalid_token
 */
export async function admitInTurn(bearer: Bearer, tx: EntityManager): Promise<number> {
  const row = await look(bearer, tx);
  if (row?.published !== true) throw invalidToken('the key or the zone is gone');
  // It was verified before the wait for the turn.
  if (row.now >= bearer.claims.exp) throw invalidToken('expired');
  return admitted(row);
}

interface Standing {
  readonly version: string;
  readonly published: boolean;
  readonly enabled: boolean;
  readonly alive: boolean;
  readonly revoked: boolean;
  /** What of the bearer was taken back since it was issued. */
  readonly taken: string | null;
  readonly now: number;
}

async function look({ zone, claims, kid }: Bearer, tx: EntityManager) {
  const [row] = await tx.query<Standing[]>(STANDING, [
    zone.zoneId,
    claims.clientId,
    claims.sid,
    claims.rootSid,
    claims.jti,
    kid,
    JSON.stringify(generationsSaid(claims)),
  ]);
  return row;
}

function admitted({ enabled, alive, revoked, taken, now }: Standing): number {
  if (!enabled) throw invalidToken('of a client that is disabled or gone');
  if (taken !== null) throw invalidToken(`its ${taken} was taken back`);
  if (!alive) throw invalidToken('its session has ended');
  if (revoked) throw invalidToken('revoked');
  return now;
}

const STANDING = `
  SELECT z.settings_version::text AS version,
         z.removed_at IS NULL AND EXISTS (
           SELECT 1 FROM signing_keys k
            WHERE k.zone_id = z.id AND k.kid = $6 AND k.compromised_at IS NULL
              AND (k.expires_at IS NULL OR k.expires_at > clock_timestamp())) AS published,
         floor(extract(epoch FROM clock_timestamp()))::float8 AS now,
         EXISTS (SELECT 1 FROM clients c
                  WHERE c.zone_id = z.id AND c.id = $2 AND c.disabled_at IS NULL) AS enabled,
         (SELECT count(*) FROM sessions s
           WHERE s.zone_id = z.id AND s.id IN ($3::uuid, $4::uuid)
             AND s.ended_at IS NULL AND s.expires_at > clock_timestamp() AND session_supported(s))
           = (CASE WHEN $3::uuid = $4::uuid THEN 1 ELSE 2 END) AS alive,
         EXISTS (SELECT 1 FROM revocations r WHERE r.zone_id = z.id AND r.jti = $5) AS revoked,
         taken_back(z.id, $7) AS taken
    FROM zones z WHERE z.id = $1`;
