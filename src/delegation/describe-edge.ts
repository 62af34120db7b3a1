import type { DelegationEdge } from './delegation-edge.entity.js';

/** A delegation as its parties and operators see it. */
export function describeEdge(edge: DelegationEdge) {
  const { revokedAt, acceptedAt, remaining } = edge;
  return {
    id: edge.id,
    state: revokedAt !== null ? 'revoked' : acceptedAt === null ? 'pending' : 'accepted',
    source_session_id: edge.sourceId,
    target_session_id: edge.targetId,
    issuer_application_id: edge.issuerClientId,
    receiver_application_id: edge.receiverClientId,
    parent_edge_id: edge.parentEdgeId,
    path: edge.path,
    hop_count: edge.hopCount,
    scopes: edge.scopes,
    resource: edge.resource,
    constraints: { ...edge.constraints, expires_at: edge.expiresAt },
    remaining_budget: remaining === null ? null : Number(remaining),
    version: Number(edge.version),
    created_at: edge.createdAt,
    accepted_at: acceptedAt,
    revoked_at: revokedAt,
    expires_at: edge.expiresAt,
  };
}
