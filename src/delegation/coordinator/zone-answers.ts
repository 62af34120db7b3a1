import type { AgentSession } from '../agent-session.entity.js';
import type { DelegationEdge } from '../delegation-edge.entity.js';

/**
 * An agent session as Caracal's coordinator describes it.
 *
 * @param edgeId the delegation that it got with its opening, if it did
 */
export function answerOfAgent(session: AgentSession, edgeId: string | null = session.edgeId) {
  const isService = session.lifecycle === 'service';
  return {
    agent_session_id: session.id,
    id: session.id,
    zone_id: session.zoneId,
    application_id: session.clientId,
    parent_id: session.parentId,
    subject_session_id: session.sessionId,
    lifecycle: session.lifecycle,
    labels: session.labels,
    status: session.endedAt === null ? 'active' : 'terminated',
    depth: session.depth,
    started_at: session.createdAt,
    expires_at: session.expiresAt,
    terminated_at: session.endedAt,
    heartbeat_deadline_at: isService ? session.expiresAt : null,
    lease_generation: isService ? session.leaseGeneration : 0,
    delegation_edge_id: edgeId,
  };
}

/**
 * A delegation as Caracal's coordinator describes it.
 *
 * @param now milliseconds since the epoch
 */
export function answerOfEdge(edge: DelegationEdge, now: number) {
  return {
    delegation_edge_id: edge.id,
    id: edge.id,
    zone_id: edge.zoneId,
    source_session_id: edge.sourceId,
    target_session_id: edge.targetId,
    issuer_application_id: edge.issuerClientId,
    receiver_application_id: edge.receiverClientId,
    parent_edge_id: edge.parentEdgeId,
    resource_id: edge.resource,
    scopes: edge.scopes,
    constraints_json: edge.constraints,
    status: statusOf(edge, now),
    expires_at: edge.expiresAt,
    edge_version: Number(edge.version),
    revoked_at: edge.revokedAt,
    created_at: edge.createdAt,
  };
}

/** `pending` is our own: what another application has not accepted yet. */
function statusOf(edge: DelegationEdge, now: number): 'revoked' | 'expired' | 'pending' | 'active' {
  if (edge.revokedAt !== null) return 'revoked';
  if (edge.expiresAt.getTime() <= now) return 'expired';
  return edge.acceptedAt === null ? 'pending' : 'active';
}
