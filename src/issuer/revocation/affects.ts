import { countRows, countWithin, type Counts } from '../../platform/database/bounded-count.js';
import type { RevocationTarget } from './revocation-target.js';
import type { Transaction } from './take-back.js';

/** What an order hits: how many of each are alive and would be no more. */
export type Affects = Counts<
  'sessions' | 'agent_sessions' | 'delegations' | 'grants' | 'mandates_unexpired'
>;

/** The most events of the last hour that are looked through for mandates; where there are more, they are not counted. */
const MOST_EVENTS = 5_000;

/** What is counted of a table, in SQL about its row; `null` for nothing. */
interface Conditions {
  readonly sessions: string | null;
  readonly agents: string | null;
  readonly delegations: string | null;
  /** About `m`, the mandate of an event, and `e`, the event. */
  readonly mandates: string;
}

const NAMED_IN = (member: string) =>
  `(m->'act')::text LIKE '%' || ${member} || '%' OR e->>'client_id' = ${member} OR m->>'sub' = ${member}`;
const OPENED_IN = '$2::uuid IN (a.session_id, a.root_session_id)';
const OF_SESSION = {
  sessions: 's.id = $2::uuid',
  agents: OPENED_IN,
  mandates: "$2 IN (m->>'sid', m->>'root_sid')",
} as const;
const NO_ROWS = { sessions: null, agents: null, delegations: null } as const;
/** Delegations from or to an agent session that ends. */
const WITH_AGENTS = (condition: string) =>
  `EXISTS (SELECT FROM agent_sessions a WHERE a.zone_id = d.zone_id AND a.id = ANY (d.sessions) AND ${condition})`;

function conditionsOf(kind: RevocationTarget['kind']): Conditions {
  switch (kind) {
    case 'jti':
      return { ...NO_ROWS, mandates: "m->>'jti' = $2 OR m->'ancestors' ? $2" };
    case 'session_id':
    case 'root_session_id':
      return { ...OF_SESSION, delegations: WITH_AGENTS(OPENED_IN) };
    case 'agent_session_id':
      return {
        sessions: null,
        agents: 'a.path @> ARRAY[$2::uuid]',
        delegations: 'd.sessions @> ARRAY[$2::uuid]',
        mandates: `EXISTS (SELECT FROM agent_sessions a WHERE a.zone_id = $1 AND a.path @> ARRAY[$2::uuid]
          AND (m->>'agent_session_id' = a.id::text OR (m->'delegation_chain')::text LIKE '%' || a.id || '%'))`,
      };
    case 'delegation_edge_id':
      return {
        sessions: null,
        agents: null,
        delegations: 'd.edge_path @> ARRAY[$2::uuid]',
        mandates: "m->'delegation_path' ? $2",
      };
    case 'client_id':
      return {
        sessions: 's.client_id = $2::uuid',
        agents: 'a.client_id = $2::uuid',
        delegations: `$2::uuid IN (d.issuer_client_id, d.receiver_client_id)`,
        mandates: NAMED_IN('$2'),
      };
    case 'subject': {
      const ofSubject = 's.subject = $2 AND s.issuer = $3';
      return {
        sessions: ofSubject,
        agents: `EXISTS (SELECT FROM sessions s WHERE s.zone_id = a.zone_id
          AND s.id IN (a.session_id, a.root_session_id) AND ${ofSubject})`,
        delegations: null,
        mandates: "m->>'sub' = $2 AND m->>'sub_iss' = $3",
      };
    }
    case 'issuer': {
      const ofIssuer = 's.issuer = $2';
      return {
        sessions: ofIssuer,
        agents: `EXISTS (SELECT FROM sessions s WHERE s.zone_id = a.zone_id
          AND s.id IN (a.session_id, a.root_session_id) AND ${ofIssuer})`,
        delegations: null,
        mandates: "m->>'sub_iss' = $2",
      };
    }
    case 'resource':
      return { ...NO_ROWS, mandates: "m->'target' ? $2" };
    case 'policy_set_version_id':
      return {
        ...NO_ROWS,
        mandates: `left(e->'policy'->>'manifest_sha256', 12) = (
          SELECT left(v.manifest_sha256, 12) FROM policy_set_versions v WHERE v.zone_id = $1 AND v.id = $2::uuid)`,
      };
    case 'kid':
      return { ...NO_ROWS, mandates: "m->>'kid' = $2" };
    case 'zone':
      break;
  }
  return { sessions: 'true', agents: 'true', delegations: 'true', mandates: 'true' };
}

/**
 * Counts what taking something back would hit, now: sessions, agent sessions, accepted delegations and mandates that are
 * alive. Each count has its bounds of rows and of time, and what exceeds them is said to be a lower bound, or not counted.
 *
 * @param tx a transaction: each count is in a savepoint of its own, as one that takes too long is cancelled
 */
export async function countAffected(
  tx: Transaction,
  zoneId: string,
  target: RevocationTarget,
): Promise<Affects> {
  const { sessions, agents, delegations, mandates } = conditionsOf(target.kind);
  const parameters = [zoneId, ...namesOf(target)];
  const mandatesUnexpired = await countWithin(tx, mandatesWhere(mandates), parameters);
  const kinds = {
    sessions: of('sessions s', sessions, SESSION_ALIVE),
    agent_sessions: of('agent_sessions a', agents, AGENT_ALIVE),
    delegations: of('delegation_edges d', delegations, DELEGATION_ALIVE),
    // There are none yet.
    grants: null,
  };
  const { at_least: atLeast, ...counts } = await countRows(tx, kinds, parameters);
  return {
    ...counts,
    mandates_unexpired: mandatesUnexpired,
    ...(atLeast === undefined ? {} : { at_least: atLeast }),
  };
}

const SESSION_ALIVE = `s.zone_id = $1 AND s.id >= uuid_from_time(now() - interval '1 day')
  AND s.ended_at IS NULL AND s.expires_at > clock_timestamp() AND session_supported(s)`;
const AGENT_ALIVE = `a.zone_id = $1 AND a.ended_at IS NULL AND a.expires_at > clock_timestamp()
  AND agent_sessions_alive(a.zone_id, a.path)`;
const DELEGATION_ALIVE = `d.zone_id = $1 AND d.revoked_at IS NULL AND d.expires_at > clock_timestamp()
  AND delegation_live(d.zone_id, d.id, NULL)`;

function of(table: string, condition: string | null, alive: string): string | null {
  if (condition === null) return null;
  return `${table} WHERE (${condition}) AND ${alive}`;
}

/** Mandates by their audit events: of the last hour, as none lives longer, and that not revoked by their own `jti`. */
function mandatesWhere(condition: string): string {
  return `
    WITH events AS MATERIALIZED (
      SELECT audit_event(a) AS e FROM audit_events a
       WHERE a.zone_id = $1 AND a.id >= uuid_from_time(now() - interval '61 minutes')
         AND a.outcome = 'issued' LIMIT ${MOST_EVENTS + 1})
    SELECT CASE WHEN (SELECT count(*) FROM events) <= ${MOST_EVENTS} THEN (
      SELECT count(*)::int FROM (SELECT e, e->'mandate' AS m FROM events) AS issued
       WHERE (m->>'exp')::float8 > extract(epoch FROM clock_timestamp()) AND (${condition})
         AND NOT EXISTS (SELECT FROM revocations r WHERE r.zone_id = $1 AND r.jti = (m->>'jti')::uuid)) END AS n`;
}

/** The texts by which conditions name a target: `$2`, and for a subject its issuer `$3`. */
function namesOf(target: RevocationTarget): readonly string[] {
  switch (target.kind) {
    case 'zone':
      return [];
    case 'subject':
      return [target.subject.sub, target.subject.iss];
    default:
      return [target.name];
  }
}
