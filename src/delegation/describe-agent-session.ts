import type { AgentSession } from './agent-session.entity.js';

/** An agent session: one agent of an application at work. */
export interface AgentSessionView {
  readonly id: string;
  readonly client_id: string;
  /** The session in which it was opened, and the root of that. */
  readonly session_id: string;
  readonly root_session_id: string;
  /** The agent session that started it; `null` for the first one. */
  readonly parent_id: string | null;
  /** How many are above it. */
  readonly depth: number;
  readonly lifecycle: AgentSession['lifecycle'];
  readonly labels: readonly string[];
  /** Seconds after which it ends unless it says that it is there; `null`: it need not. */
  readonly heartbeat_seconds: number | null;
  /** The delegation that it works on; `null`: on none. */
  readonly delegation_edge_id: string | null;
  readonly created_at: Date;
  readonly expires_at: Date;
  /** `null`: it has not ended. */
  readonly ended_at: Date | null;
}

/** An agent session as its application and operators see it. */
export function describeAgentSession(session: AgentSession): AgentSessionView {
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
