import type { TermKind } from './audit-filters.js';

/** Where in an event there are terms of a kind. */
export interface TermPlace {
  readonly kind: TermKind;
  /** An SQL/JSON path, of those that {@link termsIn} can follow. */
  readonly path: string;
  /** With what the type of an event begins that has a term there; absent for all. */
  readonly ofTypes?: string;
}

/**
 * The places of `audit_term_places` (terms.sql), which events are looked at by that are not in the index: what is in it has to
 * be the same. A test compares the two.
 */
export const TERM_PLACES: readonly TermPlace[] = [
  { kind: 'type', path: '$.type' },
  { kind: 'outcome', path: '$.outcome' },
  { kind: 'request_id', path: '$.request_id' },
  { kind: 'request_id', path: '$.request_label' },
  { kind: 'request_id', path: '$.trace_id' },
  { kind: 'request_id', path: '$.challenge.id', ofTypes: 'challenge.' },
  { kind: 'client', path: '$.client_id' },
  { kind: 'client', path: '$.claimed_client_id' },
  { kind: 'client', path: '$.client.id' },
  { kind: 'client', path: '$.target.client_id' },
  { kind: 'client', path: '$.after.id', ofTypes: 'admin.client.' },
  { kind: 'subject', path: '$.subject.sub' },
  { kind: 'subject', path: '$.mandate.sub' },
  { kind: 'subject', path: '$.person.sub' },
  { kind: 'subject', path: '$.person.subject' },
  { kind: 'subject', path: '$.session.subject' },
  { kind: 'subject', path: '$.target.subject.sub' },
  { kind: 'subject', path: '$.which.subject' },
  { kind: 'subject', path: '$.operator_mandate.sub' },
  { kind: 'actor', path: '$.actor.sub' },
  { kind: 'actor', path: '$.mandate.act.**.sub' },
  { kind: 'agent_session', path: '$.requested.agent_session_id' },
  { kind: 'agent_session', path: '$.mandate.agent_session_id' },
  { kind: 'agent_session', path: '$.mandate.delegation_chain[*].agent_session_id' },
  { kind: 'agent_session', path: '$.agent_session.id' },
  { kind: 'agent_session', path: '$.delegation.source_session_id' },
  { kind: 'agent_session', path: '$.delegation.target_session_id' },
  { kind: 'agent_session', path: '$.target.agent_session_id' },
  { kind: 'delegation', path: '$.requested.delegation_edge_id' },
  { kind: 'delegation', path: '$.mandate.delegation_path[*]' },
  { kind: 'delegation', path: '$.delegation.id' },
  { kind: 'delegation', path: '$.agent_session.delegation_edge_id' },
  { kind: 'delegation', path: '$.target.delegation_edge_id' },
  { kind: 'resource', path: '$.requested.resources[*]' },
  { kind: 'resource', path: '$.mandate.target[*]' },
  { kind: 'resource', path: '$.resource.identifier' },
  { kind: 'resource', path: '$.delegation.resource' },
  { kind: 'resource', path: '$.target.resource' },
  { kind: 'resource', path: '$.after.identifier', ofTypes: 'admin.resource.' },
  { kind: 'jti', path: '$.mandate.jti' },
  { kind: 'jti', path: '$.subject.jti' },
  { kind: 'jti', path: '$.actor.jti' },
  { kind: 'jti', path: '$.bearer.jti' },
  { kind: 'jti', path: '$.federated_identity.jti' },
  { kind: 'jti', path: '$.operator_mandate.jti' },
  { kind: 'jti', path: '$.set.jti' },
  { kind: 'jti', path: '$.revoked_jti' },
  { kind: 'jti', path: '$.target.jti' },
  { kind: 'decision', path: '$.policy.decisions[*].decision' },
  { kind: 'operator', path: '$.operator' },
  { kind: 'operator', path: '$.operator_id' },
];
