import type { AgentSession } from './agent-session.entity.js';

/** An agent session as its application and operators see it. */
export function describeAgentSession(session: AgentSession) {
  return {
    id: session.id,
    client_id: session.clientId,
    session_id: session.sessionId,
    root_session_id: session.rootSessionId,
    parent_id: session.parentId,
    depth: session.depth,
    lifecycle: session.lifecycle,
    labels: session.labels,
    heartbeat_seconds: session.beatSeconds,
    delegation_edge_id: session.edgeId,
    created_at: session.createdAt,
    expires_at: session.expiresAt,
    ended_at: session.endedAt,
  };
}
