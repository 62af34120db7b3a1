import type pg from 'pg';
import type { Away } from '../../oauth/away.js';
import type { ZonePolicies } from './zone-file.js';

/** A zone as moves look at it. */
export interface MovingZone {
  readonly id: string;
  readonly name: string;
  readonly issuerMode: string;
  readonly issuerUrl: string | null;
  readonly removing: boolean;
  readonly controls: boolean;
  /** How many of its signing keys that are in use are kept by a signer, which does not give them away. */
  readonly held: number;
  readonly away: Away | null;
}

/** Why a step of a move is not done, in words for operators. */
export class MoveRefused extends Error {
  override readonly name = 'MoveRefused';
}

/**
 * Takes a zone until the transaction ends, behind those who change it.
 *
 * @param nameOrId its id, or how it is called
 * @throws {MoveRefused} if there is none
 */
export async function takeZone(client: pg.Client, nameOrId: string): Promise<MovingZone> {
  const { rows } = await client.query<MovingZone>(ZONE, [nameOrId]);
  const [zone] = rows;
  if (zone === undefined) throw new MoveRefused(`there is no zone ${nameOrId}`);
  return zone;
}

/** Says why a zone is not served here; `null`: it is. Replicas hear of it when the transaction is committed. */
export async function setAway(client: pg.Client, zoneId: string, away: Away | null): Promise<void> {
  await client.query('UPDATE zones SET away = $2 WHERE id = $1', [zoneId, away]);
}

/** The versions of policy sets that a zone refers to. */
export async function readPolicies(client: pg.Client, zoneId: string): Promise<ZonePolicies> {
  const { rows } = await client.query<ZonePolicies>(POLICIES, [zoneId]);
  return rows[0] ?? { active: null, shadow: null };
}

/** What time it is for the database, RFC 3339. */
export async function timeIn(client: pg.Client): Promise<string> {
  const { rows } = await client.query<{ now: Date }>('SELECT clock_timestamp() AS now');
  return rows[0]?.now.toISOString() ?? '';
}

/**
 * Waits for all that is being recorded in a zone, and lets nothing begin until the transaction ends: chains are taken, the gate
 * is closed (ledger/gate.sql), and so is the way to a first event (`audit_refuse_away`).
 *
 * @throws the driver's error where others have some of it for long, or wait for this: to be tried again
 */
export async function drain(client: pg.Client, zoneId: string): Promise<void> {
  // Less than after which PostgreSQL looks for who waits for whom, so that this gives up, and no request.
  await client.query(`SET LOCAL lock_timeout = '500ms'`);
  await client.query(CHAINS, [zoneId]);
  await client.query('SELECT ledger_close($1)', [zoneId]);
  await client.query(FIRST_EVENTS, [zoneId]);
  // Those that began while the gate was waited for, and have an event in the meantime that is not committed.
  await client.query(CHAINS, [zoneId]);
}

const POLICIES = `SELECT active_policy_set_version_id AS active, shadow_policy_set_version_id AS shadow FROM zones WHERE id = $1`;
const CHAINS = 'SELECT FROM audit_chains WHERE zone_id = $1 FOR UPDATE';
const FIRST_EVENTS = `SELECT pg_advisory_xact_lock(hashtextextended('first events of ' || $1::uuid::text, 0))`;
const ZONE = `SELECT z.id, z.name, z.issuer_mode AS "issuerMode", z.issuer_url AS "issuerUrl",
    z.removed_at IS NOT NULL AS removing, z.away,
    EXISTS (SELECT FROM administration a WHERE a.control_zone_id = z.id) AS controls,
    (SELECT count(*)::int FROM signing_keys k WHERE k.zone_id = z.id AND k.sealed_signer_handle IS NOT NULL
        AND k.compromised_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > clock_timestamp())) AS held
  FROM zones z WHERE z.id::text = $1 OR z.name = $1 ORDER BY z.id::text = $1 DESC LIMIT 1 FOR NO KEY UPDATE OF z`;
