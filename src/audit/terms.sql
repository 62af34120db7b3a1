-- By what events are found: one table of where in an event each kind of term is.

-- Where in an event the terms of each kind are, as JSON paths. A kind is the name of a filter (audit-filters.ts). What is
-- not text there is no term.
CREATE OR REPLACE FUNCTION audit_term_places() RETURNS TABLE (kind text, place jsonpath) LANGUAGE sql IMMUTABLE AS $$
  VALUES
    ('type', '$.type'::jsonpath),
    ('outcome', '$.outcome'),
    ('request_id', '$.request_id'),
    ('request_id', '$.request_label'),
    ('request_id', '$.trace_id'),
    ('request_id', '$ ? (@.type starts with "challenge.").challenge.id'),
    ('client', '$.client_id'),
    ('client', '$.claimed_client_id'),
    ('client', '$.client.id'),
    ('client', '$.target.client_id'),
    ('client', '$ ? (@.type starts with "admin.client.").after.id'),
    ('subject', '$.subject.sub'),
    ('subject', '$.mandate.sub'),
    ('subject', '$.person.sub'),
    ('subject', '$.person.subject'),
    ('subject', '$.session.subject'),
    ('subject', '$.target.subject.sub'),
    ('subject', '$.which.subject'),
    ('subject', '$.operator_mandate.sub'),
    ('actor', '$.actor.sub'),
    ('actor', '$.mandate.act.**.sub'),
    ('agent_session', '$.requested.agent_session_id'),
    ('agent_session', '$.mandate.agent_session_id'),
    ('agent_session', '$.mandate.delegation_chain[*].agent_session_id'),
    ('agent_session', '$.agent_session.id'),
    ('agent_session', '$.delegation.source_session_id'),
    ('agent_session', '$.delegation.target_session_id'),
    ('agent_session', '$.target.agent_session_id'),
    ('delegation', '$.requested.delegation_edge_id'),
    ('delegation', '$.mandate.delegation_path[*]'),
    ('delegation', '$.delegation.id'),
    ('delegation', '$.agent_session.delegation_edge_id'),
    ('delegation', '$.target.delegation_edge_id'),
    ('resource', '$.requested.resources[*]'),
    ('resource', '$.mandate.target[*]'),
    ('resource', '$.resource.identifier'),
    ('resource', '$.delegation.resource'),
    ('resource', '$.target.resource'),
    ('resource', '$ ? (@.type starts with "admin.resource.").after.identifier'),
    ('jti', '$.mandate.jti'),
    ('jti', '$.subject.jti'),
    ('jti', '$.actor.jti'),
    ('jti', '$.bearer.jti'),
    ('jti', '$.federated_identity.jti'),
    ('jti', '$.operator_mandate.jti'),
    ('jti', '$.set.jti'),
    ('jti', '$.revoked_jti'),
    ('jti', '$.target.jti'),
    ('decision', '$.policy.decisions[*].decision'),
    ('operator', '$.operator'),
    ('operator', '$.operator_id')
$$;

-- The terms of an event, each as its kind, a colon and what is in the event there; one may be there twice.
CREATE OR REPLACE FUNCTION audit_terms(p_event jsonb) RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
  SELECT ARRAY(
    SELECT p.kind || ':' || (found.value #>> '{}')
      FROM audit_term_places() AS p CROSS JOIN LATERAL jsonb_path_query(p_event, p.place) AS found (value)
     WHERE jsonb_typeof(found.value) = 'string')
$$;
