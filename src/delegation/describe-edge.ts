import type { DelegationEdge } from './delegation-edge.entity.js';

/** A delegation: authority handed from one agent session to another. */
export interface DelegationView {
  readonly id: string;
  readonly state: 'pending' | 'accepted' | 'revoked';
  readonly source_session_id: string;
  readonly target_session_id: string;
  readonly issuer_application_id: string;
  readonly receiver_application_id: string;
  /** The delegation that it was handed on from; `null` for the first one. */
  readonly parent_edge_id: string | null;
  /** The agent sessions that it came through. */
  readonly path: readonly string[];
  readonly hop_count: number;
  readonly scopes: readonly string[];
  readonly resource: string | null;
  readonly constraints: DelegationEdge['constraints'] & { readonly expires_at: Date };
  /** How often it may still be used; `null`: it was not said how often. */
  readonly remaining_budget: number | null;
  readonly version: number;
  readonly created_at: Date;
  readonly accepted_at: Date | null;
  readonly revoked_at: Date | null;
  readonly expires_at: Date;
}

/** A delegation as its parties and operators see it. */
export function describeEdge(edge: DelegationEdge): DelegationView {
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
