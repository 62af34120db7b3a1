import { Injectable } from '@nestjs/common';
import { SessionBearers } from '../../authentication/session-bearers.service.js';
import { generationsSaid } from '../../mandates/taken-back.js';
import { InvalidToken } from '../../mandates/invalid-token.js';
import { OAuthError } from '../../oauth/errors.js';
import { instant } from '../../platform/config/clock.js';
import type { AgentSession } from '../agent-session.entity.js';
import {
  AgentSessions,
  beatFor,
  endFor,
  findOwn,
  unusable,
} from '../agents/agent-sessions.service.js';
import { DelegationEdges } from '../agents/delegation-edges.service.js';
import { Graph, type Asked, type Caller, type Made } from '../agents/graph.service.js';
import type { DelegationEdge } from '../delegation-edge.entity.js';
import { leafOf } from '../delegation-route.js';
import { Delegations } from '../delegations.service.js';
import { describeAgentSession } from '../describe-agent-session.js';
import { describeEdge } from '../describe-edge.js';
import { madeBy, madeOnce, onceOf } from './idempotency.js';
import { mustBeOf } from './parties.js';
import type { Said } from './said.js';
import { inherits, repeatable, sessionAsked, sessionNamed } from './zone-agent-request.js';
import type { ZoneAgentBody } from './zone-agent.body.js';

/** An agent session, and the delegation to it that its parent has handed on, if it has. */
export interface Opened {
  readonly session: AgentSession;
  readonly edgeId: string | null;
  /** Whether it was there already, by the same `Idempotency-Key`. */
  readonly replayed: boolean;
}

/** Opens agent sessions, keeps them alive and ends them, for applications that use an SDK of Caracal. */
@Injectable()
export class ZoneAgents {
  constructor(
    private readonly graph: Graph,
    private readonly sessions: AgentSessions,
    private readonly edges: DelegationEdges,
    private readonly delegations: Delegations,
    private readonly bearers: SessionBearers,
  ) {}

  /**
   * Opens an agent session, or finds the one that the same request has opened.
   *
   * @param key the `Idempotency-Key`, if there is one
   * @throws {OAuthError} access_denied for another application than the bearer's; invalid_grant for a parent or a
   *   session that is not usable; what is said at `madeOnce`, and of our own route
   */
  open(asked: Asked, body: Said<ZoneAgentBody>, key: string | null): Promise<Opened> {
    return this.graph.change(asked, async (caller): Promise<Made<Opened>> => {
      mustBeOf(caller, body.application_id);
      const ours = sessionAsked(body);
      const once = key === null ? null : onceOf(key, repeatable(body, ours));
      const made = once === null ? null : await madeOnce(caller, 'agent_sessions', once);
      if (made !== null) return { result: await this.again(caller, made, body), details: null };
      const sessionId = await this.subjectSession(caller, body);
      const session = await this.sessions.openFor(caller, ours, { sessionId, ...madeBy(once) });
      const edge = inherits(body) ? await this.handOn(caller, session) : null;
      return {
        result: { session, edgeId: edge?.id ?? null, replayed: false },
        details: {
          agent_session: describeAgentSession(session),
          ...(edge === null ? {} : { delegation: describeEdge(edge) }),
          ...(body.metadata === undefined ? {} : { metadata: body.metadata }),
        },
      };
    });
  }

  /** @returns `null` for one that is not the caller's */
  show(asked: Asked, id: string): Promise<AgentSession | null> {
    return this.graph.use(asked, (caller) => findOwn(caller, id));
  }

  /**
   * Keeps a service alive.
   *
   * @param generation of the lease that it is for; `null` for whichever there is
   * @returns `null` for one that is not the caller's
   * @throws {OAuthError} session_not_live; session_lease_fenced; invalid_request for a task
   */
  beat(asked: Asked, id: string, generation: number | null): Promise<AgentSession | null> {
    return this.graph.use(asked, (caller) => beatFor(caller, id, generation).catch(notLive));
  }

  /**
   * Takes the lease of a service over, and keeps it alive: heartbeats of who had it are refused from then on.
   *
   * @returns `null` for one that is not the caller's
   * @throws {OAuthError} session_not_live; invalid_request for a task
   */
  takeLease(asked: Asked, id: string): Promise<AgentSession | null> {
    return this.graph.change(asked, async (caller): Promise<Made<AgentSession | null>> => {
      const session = await beatFor(caller, id).catch(notLive);
      if (session === null) return { result: null, details: null };
      const [[taken]] = await caller.tx.query<[{ lease_generation: number }[], number]>(TAKE, [
        caller.zoneId,
        id,
      ]);
      if (taken !== undefined) session.leaseGeneration = taken.lease_generation;
      return {
        result: session,
        details: {
          agent_session: describeAgentSession(session),
          lease_generation: session.leaseGeneration,
        },
      };
    });
  }

  /**
   * Ends a session, and all that hangs below. Ending it again changes nothing.
   *
   * @param generation of the lease that asks; `null` for whoever does
   * @returns whether it is the caller's
   * @throws {OAuthError} session_lease_fenced
   */
  end(asked: Asked, id: string, generation: number | null): Promise<boolean> {
    return this.graph.change(asked, async (caller): Promise<Made<boolean>> => {
      const session = await findOwn(caller, id);
      if (session === null) return { result: false, details: null };
      const fenced = generation !== null && generation !== session.leaseGeneration;
      if (fenced && session.lifecycle === 'service') {
        throw new OAuthError(
          'session_lease_fenced',
          'another process has the lease of the session',
        );
      }
      return endFor(caller, session);
    });
  }

  private async again(caller: Caller, id: string, body: Said<ZoneAgentBody>): Promise<Opened> {
    const session = await findOwn(caller, id);
    if (session === null) throw unusable('what the Idempotency-Key has made is gone');
    const [edge] = inherits(body)
      ? await caller.tx.query<{ id: string }[]>(HANDED_ON, [
          caller.zoneId,
          id,
          session.parentId,
          session.edgeId,
        ])
      : [];
    return { session, edgeId: edge?.id ?? null, replayed: true };
  }

  /**
   * Delegates to a new agent session all that its parent is confined by, so that it can be named. Nothing is delegated
   * where that may go no hop further: confined by it the session is all the same.
   */
  private async handOn(caller: Caller, session: AgentSession): Promise<DelegationEdge | null> {
    const { parentId, edgeId, zoneId } = session;
    if (parentId === null || edgeId === null) return null;
    const route = await this.delegations.route(zoneId, parentId, edgeId, caller.tx);
    const leaf = route === null ? null : leafOf(route);
    if (leaf === null || leaf.hopCount >= leaf.constraints.max_hops) return null;
    return this.edges.makeFor(caller, {
      source_session_id: parentId,
      target_session_id: session.id,
      parent_edge_id: edgeId,
      scopes: [...leaf.scopes],
      ...(leaf.resource === null ? {} : { resource: leaf.resource }),
      constraints: { expires_at: instant(leaf.expiresAt * 1_000).toISOString() },
    });
  }

  /** The session that the agent session hangs on: the bearer's, or one of the application's that the request names. */
  private async subjectSession(caller: Caller, body: Said<ZoneAgentBody>): Promise<string> {
    const { sid, rootSid } = caller.bearer.claims;
    const named = sessionNamed(body);
    const shown =
      body.subject_token === undefined ? null : await this.shown(caller, body.subject_token);
    if (shown !== null && named !== null && shown !== named) throw notShown('of another session');
    const wanted = shown ?? named;
    if (wanted === null || wanted === sid || wanted === rootSid) return sid;
    const [session] = await caller.tx.query<unknown[]>(OWN_SESSION, [
      caller.zoneId,
      wanted,
      caller.clientId,
    ]);
    if (session === undefined) {
      throw new OAuthError('invalid_grant', 'the session is not usable', {
        detail: 'subject_session_id: unknown, ended, or of another client',
      });
    }
    return wanted;
  }

  /** The session that a mandate of the application belongs to. */
  private async shown({ bearer, tx, zoneId, clientId }: Caller, token: string): Promise<string> {
    const claims = await this.bearers.verifyBeside(bearer, token).catch((error: unknown) => {
      throw error instanceof InvalidToken ? notShown(error.reason) : error;
    });
    if (claims.clientId !== clientId) throw notShown('of another client');
    const [revoked] = await tx.query<unknown[]>(REVOKED, [
      zoneId,
      [claims.jti, ...claims.ancestors],
      JSON.stringify(generationsSaid(claims)),
    ]);
    if (revoked !== undefined) throw notShown('revoked');
    return claims.sid;
  }
}

/** What is not usable any more is gone for these SDKs, which otherwise go on asking. */
function notLive(error: unknown): never {
  if (!(error instanceof OAuthError) || error.code !== 'invalid_grant') throw error;
  throw new OAuthError('session_not_live', 'the session has ended', { detail: error.detail });
}

function notShown(detail: string): OAuthError {
  return new OAuthError('invalid_request', 'the subject_token is not usable', {
    detail: `subject_token: ${detail}`,
  });
}

const TAKE = `
  UPDATE agent_sessions a SET lease_generation = a.lease_generation + 1
   WHERE a.zone_id = $1 AND a.id = $2 RETURNING a.lease_generation`;

const HANDED_ON = `
  SELECT e.id FROM delegation_edges e
   WHERE e.zone_id = $1 AND e.target_id = $2 AND e.source_id = $3 AND e.parent_edge_id = $4 ORDER BY e.id LIMIT 1`;

const OWN_SESSION = `
  SELECT s.id FROM sessions s
   WHERE s.zone_id = $1 AND s.id = $2 AND s.client_id = $3 AND s.expires_at > clock_timestamp()
     AND sessions_not_ended(s.zone_id, ARRAY[s.id, s.root_id])`;

const REVOKED = `
  SELECT 1 WHERE taken_back($1, $3) IS NOT NULL
    OR EXISTS (SELECT FROM revocations r WHERE r.zone_id = $1 AND r.jti = ANY ($2::uuid[]))`;
