import { Injectable } from '@nestjs/common';
import { IsNull } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { instant } from '../../platform/config/clock.js';
import { Delegations } from '../delegations.service.js';
import { endOf, leafOf, obstacleOn, type DelegationRoute } from '../delegation-route.js';
import { OAuthError } from '../../oauth/errors.js';
import { isUuid } from '../../oauth/vocabulary.js';
import { AgentSession } from '../agent-session.entity.js';
import { END_BELOW_AGENT_SESSION } from '../end-agent-sessions.js';
import { describeAgentSession } from '../describe-agent-session.js';
import type { AgentSessionBody } from './agent-session.body.js';
import { Graph, type Asked, type Caller, type Made } from './graph.service.js';

/** The most agent sessions that a client has alive at a time. */
const MAX_ALIVE = 2_000;
/** How deep agent sessions may be nested; the first one is at depth 0. */
const MAX_DEPTH = 10;
/** Seconds that a task lives, and that one heartbeat keeps a service alive, unless the request says. */
const USUAL = { task: 900, service: 300 } as const;

/** Opens agent sessions, keeps them alive and ends them, for the applications that they are of. */
@Injectable()
export class AgentSessions {
  constructor(
    private readonly graph: Graph,
    private readonly delegations: Delegations,
  ) {}

  /**
   * @throws {OAuthError} invalid_grant for a parent that is not the caller's or not alive; slow_down if the
   *   client has too many alive
   */
  open(asked: Asked, body: AgentSessionBody): Promise<AgentSession> {
    return this.graph.change(asked, async (caller) => {
      const session = await this.openFor(caller, body);
      return { result: session, details: { agent_session: describeAgentSession(session) } };
    });
  }

  /**
   * Opens one in the transaction of a caller.
   *
   * @param beside what the row has besides: the session that it hangs on, if not the bearer's, and what it was asked by
   */
  async openFor(
    caller: Caller,
    body: AgentSessionBody,
    beside: Beside = {},
  ): Promise<AgentSession> {
    await mayHaveAnother(caller);
    const session = await this.birth(caller, body);
    const sessions = caller.tx.getRepository(AgentSession);
    await sessions.insert({ ...session, ...beside });
    return sessions.findOneByOrFail({ zoneId: caller.zoneId, id: session.id });
  }

  /** @returns `null` for one that is not the caller's */
  show(asked: Asked, id: string): Promise<AgentSession | null> {
    return this.graph.use(asked, (caller) => findOwn(caller, id));
  }

  /**
   * Keeps a service alive. It is no change of authority, so it is not in the audit log unless it is
   * refused.
   *
   * @returns `null` for one that is not the caller's
   * @throws {OAuthError} invalid_grant for one that has ended; invalid_request for a task
   */
  beat(asked: Asked, id: string): Promise<AgentSession | null> {
    return this.graph.use(asked, (caller) => beatFor(caller, id));
  }

  /**
   * Ends a session, and with it all that hangs below. Ending it again changes nothing.
   *
   * @returns whether it is the caller's
   */
  end(asked: Asked, id: string): Promise<boolean> {
    return this.graph.change(asked, async (caller): Promise<Made<boolean>> => {
      const session = await findOwn(caller, id);
      return session === null ? { result: false, details: null } : endFor(caller, session);
    });
  }

  private async birth(caller: Caller, body: AgentSessionBody) {
    const { zoneId, clientId, bearer, now } = caller;
    const labels = body.labels ?? [];
    if (await someReserved(caller, labels)) {
      throw new OAuthError('invalid_request', 'a label is one of other clients');
    }
    const parent = body.parent_id === undefined ? null : await this.parentOf(caller, body);
    const { lifecycle } = body;
    const seconds = body.ttl_seconds ?? USUAL[lifecycle];
    const id = uuidv7();
    // What is below a task does not outlive it. A service's deadline moves, so there it is looked at in use.
    const limit =
      parent === null || parent.acting.lifecycle === 'service' ? Infinity : endOf(parent);
    return {
      zoneId,
      id,
      clientId,
      sessionId: bearer.claims.sid,
      rootSessionId: bearer.claims.rootSid,
      parentId: parent?.acting.id ?? null,
      path: [...(parent?.acting.path ?? []), id],
      depth: parent?.acting.path.length ?? 0,
      lifecycle,
      labels,
      beatSeconds: lifecycle === 'service' ? seconds : null,
      narrowed: parent?.acting.narrowed ?? false,
      edgeId: parent === null ? null : (leafOf(parent)?.id ?? null),
      // Those of the bearer: what is taken back meanwhile is taken back with it.
      zoneGeneration: bearer.claims.generations.zone,
      clientGeneration: bearer.claims.generations.client,
      expiresAt: instant(Math.min(now + seconds, limit) * 1_000),
    };
  }

  private async parentOf(caller: Caller, body: AgentSessionBody): Promise<DelegationRoute> {
    const { parent_id: id = '', delegation_edge_id: edgeId = null } = body;
    const { zoneId, tx, clientId } = caller;
    const known = isUuid(id) && (edgeId === null || isUuid(edgeId));
    const route = known ? await this.delegations.route(zoneId, id, edgeId, tx) : null;
    if (route === null) throw unusable('unknown parent or delegation');
    if (route.acting.clientId !== clientId) throw unusable('parent of another client');
    const obstacle = obstacleOn(route);
    if (obstacle !== null) throw unusable(obstacle);
    if (route.acting.path.length > MAX_DEPTH) {
      throw new OAuthError('invalid_grant', `agent sessions are nested ${MAX_DEPTH} deep at most`);
    }
    return route;
  }
}

/** What the row of a new agent session has beside what was asked for. */
export type Beside = Partial<
  Pick<AgentSession, 'sessionId' | 'idempotencyKey' | 'idempotencyRequest'>
>;

/**
 * Keeps a service of the caller alive.
 *
 * @param generation of the lease that the heartbeat is for; `null` for whichever there is
 * @returns `null` for one that is not the caller's
 * @throws {OAuthError} invalid_grant for one that has ended; invalid_request for a task; session_lease_fenced
 */
export async function beatFor(
  caller: Caller,
  id: string,
  generation: number | null = null,
): Promise<AgentSession | null> {
  const session = await findOwn(caller, id);
  if (session === null) return null;
  if (session.beatSeconds === null) {
    throw new OAuthError('invalid_request', 'a task has no heartbeat');
  }
  const [[beaten]] = await caller.tx.query<[Beaten[], number]>(BEAT, [
    caller.zoneId,
    id,
    generation,
  ]);
  if (beaten === undefined) throw unusable('it or one above it has ended');
  if (!beaten.holds) {
    throw new OAuthError('session_lease_fenced', 'another process has the lease of the session');
  }
  session.expiresAt = beaten.expires_at;
  return session;
}

/** Ends a session of the caller, and all that hangs below. */
export async function endFor(
  { tx, zoneId, clientId }: Caller,
  session: AgentSession,
): Promise<Made<boolean>> {
  const { id } = session;
  const { affected } = await tx
    .getRepository(AgentSession)
    .update({ zoneId, id, endedAt: IsNull() }, { endedAt: () => 'clock_timestamp()' });
  await tx.query(END_BELOW_AGENT_SESSION, [zoneId, clientId, id]);
  const details = affected === 1 ? { agent_session: describeAgentSession(session) } : null;
  return { result: true, details };
}

/** Whether one of the labels is of other clients only. */
async function someReserved(
  { tx, zoneId, clientId }: Caller,
  labels: readonly string[],
): Promise<boolean> {
  if (labels.length === 0) return false;
  const [row] = await tx.query<{ some: boolean }[]>(RESERVED, [zoneId, clientId, labels]);
  return row?.some === true;
}

const RESERVED = `SELECT reserved_labels($1, $2, $3) <> '{}' AS some`;

/**
 * @throws {OAuthError} slow_down for a client that has as many agent sessions alive as it may have
 */
async function mayHaveAnother({ tx, zoneId, clientId, now }: Caller): Promise<void> {
  const [open] = await tx.query<{ count: number; first: number | null }[]>(OPEN, [
    zoneId,
    clientId,
    MAX_ALIVE,
  ]);
  if (open !== undefined && open.count < MAX_ALIVE) return;
  throw new OAuthError('slow_down', `a client has ${MAX_ALIVE} agent sessions alive at most`, {
    retryAfter: Math.max(1, Math.min(60, Math.ceil((open?.first ?? 0) - now))),
  });
}

/** @returns `null` for one that is not the caller's */
export async function findOwn(
  { tx, zoneId, clientId }: Caller,
  id: string,
): Promise<AgentSession | null> {
  return isUuid(id) ? tx.getRepository(AgentSession).findOneBy({ zoneId, id, clientId }) : null;
}

/** One text for every cause, so that no caller learns of sessions of others. */
export function unusable(detail: string): OAuthError {
  return new OAuthError('invalid_grant', 'the agent session is not usable', { detail });
}

/** Those that have neither ended nor expired, as far as they are counted, and when the first of them expires. */
const OPEN = `
  SELECT count(*)::int AS count, extract(epoch FROM min(o.expires_at))::float8 AS first
    FROM (SELECT a.expires_at FROM agent_sessions a
           WHERE a.zone_id = $1 AND a.client_id = $2 AND a.ended_at IS NULL AND a.expires_at > clock_timestamp()
           ORDER BY a.expires_at LIMIT $3) AS o`;

/** What became of a heartbeat: whether it is by who holds the lease, and the deadline, which otherwise stays. */
interface Beaten {
  readonly holds: boolean;
  readonly expires_at: Date;
}

const BEAT = `
  UPDATE agent_sessions a
     SET expires_at = CASE WHEN a.lease_generation = coalesce($3, a.lease_generation)
                           THEN clock_timestamp() + make_interval(secs => a.beat_seconds) ELSE a.expires_at END
   WHERE a.zone_id = $1 AND a.id = $2 AND agent_session_live(a.zone_id, a.id)
   RETURNING a.lease_generation = coalesce($3, a.lease_generation) AS holds, a.expires_at`;
