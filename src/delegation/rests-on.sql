-- What rests on a session, an agent session, a delegation, a client or a workload in one step, and has not been
-- ended itself: it is dead with it. Called again with each of these, that is all that is dead.

-- The newest of it, with ids below p_before: mandates that are in use rest on what is newest. What has expired is there
-- as well, as long as its rows are: streams may be open that began before. An offer that was not accepted is not: no
-- mandate rests on it. Each table is read in the order of an index, as far as it has to be: there may be very many. Rows
-- are compared as wholes, so that it is this index: where one agent session has most of a zone's children, PostgreSQL
-- would take them to be everybody's, and read the whole zone in the order of its ids for each that has none.
-- p_kind: session, agent_session, delegation, client or federated_identity. Returns at most p_most.
CREATE OR REPLACE FUNCTION rests_on(p_zone uuid, p_kind text, p_id uuid, p_before uuid, p_most integer)
RETURNS TABLE (kind text, id uuid) LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  v_first CONSTANT uuid := '00000000-0000-0000-0000-000000000000';
BEGIN
  CASE p_kind
    WHEN 'session' THEN
      RETURN QUERY
        (SELECT 'agent_session', a.id FROM agent_sessions a
          WHERE (a.zone_id, a.session_id, a.id) >= (p_zone, p_id, v_first)
            AND (a.zone_id, a.session_id, a.id) < (p_zone, p_id, p_before)
            AND a.ended_at IS NULL
          ORDER BY a.zone_id DESC, a.session_id DESC, a.id DESC LIMIT p_most)
        UNION ALL
        (SELECT 'agent_session', a.id FROM agent_sessions a
          WHERE (a.zone_id, a.root_session_id, a.id) >= (p_zone, p_id, v_first)
            AND (a.zone_id, a.root_session_id, a.id) < (p_zone, p_id, p_before)
            AND a.root_session_id <> a.session_id AND a.ended_at IS NULL
          ORDER BY a.zone_id DESC, a.root_session_id DESC, a.id DESC LIMIT p_most)
        ORDER BY 2 DESC LIMIT p_most;
    WHEN 'agent_session' THEN
      RETURN QUERY
        (SELECT 'agent_session', a.id FROM agent_sessions a
          WHERE (a.zone_id, a.parent_id, a.id) >= (p_zone, p_id, v_first)
            AND (a.zone_id, a.parent_id, a.id) < (p_zone, p_id, p_before)
            AND a.parent_id IS NOT NULL AND a.ended_at IS NULL
          ORDER BY a.zone_id DESC, a.parent_id DESC, a.id DESC LIMIT p_most)
        UNION ALL
        (SELECT 'delegation', e.id FROM delegation_edges e
          WHERE (e.zone_id, e.source_id, e.id) >= (p_zone, p_id, v_first)
            AND (e.zone_id, e.source_id, e.id) < (p_zone, p_id, p_before)
            AND e.accepted_at IS NOT NULL AND e.revoked_at IS NULL
          ORDER BY e.zone_id DESC, e.source_id DESC, e.id DESC LIMIT p_most)
        UNION ALL
        (SELECT 'delegation', e.id FROM delegation_edges e
          WHERE (e.zone_id, e.target_id, e.id) >= (p_zone, p_id, v_first)
            AND (e.zone_id, e.target_id, e.id) < (p_zone, p_id, p_before)
            AND e.accepted_at IS NOT NULL AND e.revoked_at IS NULL
          ORDER BY e.zone_id DESC, e.target_id DESC, e.id DESC LIMIT p_most)
        ORDER BY 2 DESC LIMIT p_most;
    WHEN 'delegation' THEN
      RETURN QUERY
        SELECT 'delegation', e.id FROM delegation_edges e
         WHERE (e.zone_id, e.parent_edge_id, e.id) >= (p_zone, p_id, v_first)
           AND (e.zone_id, e.parent_edge_id, e.id) < (p_zone, p_id, p_before)
           AND e.parent_edge_id IS NOT NULL AND e.accepted_at IS NOT NULL AND e.revoked_at IS NULL
         ORDER BY e.zone_id DESC, e.parent_edge_id DESC, e.id DESC LIMIT p_most;
    WHEN 'client' THEN
      RETURN QUERY
        (SELECT 'session', s.id FROM sessions s
          WHERE (s.zone_id, s.client_id, s.id) >= (p_zone, p_id, v_first)
            AND (s.zone_id, s.client_id, s.id) < (p_zone, p_id, p_before)
            AND s.ended_at IS NULL
          ORDER BY s.zone_id DESC, s.client_id DESC, s.id DESC LIMIT p_most)
        UNION ALL
        (SELECT 'agent_session', a.id FROM agent_sessions a
          WHERE (a.zone_id, a.client_id, a.id) >= (p_zone, p_id, v_first)
            AND (a.zone_id, a.client_id, a.id) < (p_zone, p_id, p_before)
            AND a.ended_at IS NULL
          ORDER BY a.zone_id DESC, a.client_id DESC, a.id DESC LIMIT p_most)
        UNION ALL
        (SELECT 'delegation', e.id FROM delegation_edges e
          WHERE e.zone_id = p_zone AND e.issuer_client_id = p_id AND e.accepted_at IS NOT NULL AND e.revoked_at IS NULL
            AND e.id < p_before
          ORDER BY e.id DESC LIMIT p_most)
        UNION ALL
        (SELECT 'delegation', e.id FROM delegation_edges e
          WHERE e.zone_id = p_zone AND e.receiver_client_id = p_id AND e.accepted_at IS NOT NULL
            AND e.revoked_at IS NULL AND e.id < p_before
          ORDER BY e.id DESC LIMIT p_most)
        ORDER BY 2 DESC LIMIT p_most;
    WHEN 'federated_identity' THEN
      RETURN QUERY
        SELECT 'session', s.id FROM sessions s
         WHERE (s.zone_id, s.federated_identity_id, s.id) >= (p_zone, p_id, v_first)
           AND (s.zone_id, s.federated_identity_id, s.id) < (p_zone, p_id, p_before)
           AND s.federated_identity_id IS NOT NULL AND s.ended_at IS NULL
         ORDER BY s.zone_id DESC, s.federated_identity_id DESC, s.id DESC LIMIT p_most;
  END CASE;
END $$;
