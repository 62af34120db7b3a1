import { END_BELOW_AGENT_SESSION } from '../../delegation/end-agent-sessions.js';
import type { RevocationTarget } from './revocation-target.js';

/** A transaction. */
export interface Transaction {
  query<Rows>(text: string, values?: unknown[]): Promise<Rows>;
}

/** What became of a target. */
export type TakenBack =
  | {
      readonly status: 'taken back';
      /** The generation that counts from now on, if it has one. */
      readonly generation: number | null;
    }
  /** There is nothing of that name in the zone. */
  | { readonly status: 'unknown' }
  /** It cannot be taken back as it is. */
  | { readonly status: 'in use'; readonly why: string };

const DONE: TakenBack = { status: 'taken back', generation: null };

/** Targets whose rows are ended bit by bit, once they are dead by their generation. */
type Generation = 'client' | 'subject' | 'issuer' | 'resource' | 'zone';

/**
 * Takes something back, in the transaction of an order: from its commit on no commit, bearer or introspection honours what
 * rests on it. Nothing has to be known of a mandate, a session or an agent session: they may be in tokens though their rows
 * are gone, and there may be verifiers who have to be told. A key is withdrawn by who has the keys.
 *
 * @param tx holds the zone's row
 */
export async function takeBack(
  tx: Transaction,
  zoneId: string,
  target: RevocationTarget,
): Promise<TakenBack> {
  switch (target.kind) {
    case 'jti':
      await tx.query(REVOKE, [zoneId, target.name]);
      return DONE;
    case 'session_id':
    case 'root_session_id':
      await tx.query('SELECT FROM session_end($1, $2)', [zoneId, target.name]);
      return DONE;
    case 'agent_session_id':
      return endAgentSession(tx, zoneId, target.name);
    case 'delegation_edge_id':
      await tx.query(END_DELEGATION, [zoneId, target.name]);
      return DONE;
    case 'client_id':
      return raise(tx, zoneId, 'client', target.name);
    case 'resource':
      return raise(tx, zoneId, 'resource', target.name);
    case 'issuer':
      return raise(tx, zoneId, 'issuer', target.name);
    case 'zone':
      return raise(tx, zoneId, 'zone', zoneId);
    case 'subject':
      if (!(await isTrusted(tx, zoneId, target.subject.iss))) return { status: 'unknown' };
      return raise(tx, zoneId, 'subject', `${target.subject.iss}\n${target.subject.sub}`);
    case 'policy_set_version_id':
      return withdrawPolicy(tx, zoneId, target.name);
    case 'kid':
      break;
  }
  return DONE;
}

async function endAgentSession(tx: Transaction, zoneId: string, id: string): Promise<TakenBack> {
  const [session] = await tx.query<{ client_id: string }[]>(AGENT_SESSION, [zoneId, id]);
  if (session !== undefined) {
    await tx.query(END_AGENT_SESSION, [zoneId, id]);
    await tx.query(END_BELOW_AGENT_SESSION, [zoneId, session.client_id, id]);
  }
  return DONE;
}

async function isTrusted(tx: Transaction, zoneId: string, issuer: string): Promise<boolean> {
  const rows = await tx.query<unknown[]>(TRUSTED, [zoneId, issuer]);
  return rows.length > 0;
}

async function raise(
  tx: Transaction,
  zoneId: string,
  kind: Generation,
  name: string,
): Promise<TakenBack> {
  const [row] = await tx.query<{ generation: number | null }[]>(
    'SELECT raise_generation($1, $2, $3) AS generation',
    [zoneId, kind, name],
  );
  const generation = row?.generation ?? null;
  return generation === null ? { status: 'unknown' } : { status: 'taken back', generation };
}

async function withdrawPolicy(tx: Transaction, zoneId: string, id: string): Promise<TakenBack> {
  const [row] = await tx.query<{ pol: string | null; is_active: boolean }[]>(
    'SELECT pol, is_active FROM withdraw_policy($1, $2)',
    [zoneId, id],
  );
  if (row === undefined || row.pol === null) return { status: 'unknown' };
  return row.is_active
    ? { status: 'in use', why: 'the policy set is active: activate another first' }
    : DONE;
}

const TRUSTED = 'SELECT 1 FROM trusted_issuers WHERE zone_id = $1 AND issuer = $2';

const REVOKE = 'INSERT INTO revocations (zone_id, jti) VALUES ($1, $2) ON CONFLICT DO NOTHING';

const AGENT_SESSION = 'SELECT client_id FROM agent_sessions WHERE zone_id = $1 AND id = $2';

const END_AGENT_SESSION = `UPDATE agent_sessions SET ended_at = clock_timestamp()
  WHERE zone_id = $1 AND id = $2 AND ended_at IS NULL`;

const END_DELEGATION = `UPDATE delegation_edges SET revoked_at = clock_timestamp()
  WHERE zone_id = $1 AND id = $2 AND revoked_at IS NULL`;
