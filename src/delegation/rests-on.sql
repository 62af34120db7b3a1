-- What rests on a session, an agent session, a delegation, a client or a federated identity in one step, and has not been ended itself: it is
-- dead with it. Called again with each of these, that is all that is dead.

-- The newest of it, with ids below p_before: mandates that are in use rest on what is newest. What has expired is there
-- as well, as long as its rows are: streams may be open that began before. An offer that was not accepted is not: no
-- mandate rests on it. Each table is read in the order of an index, as far as it has to be: there may be very many.
-- p_kind: session, agent_session, delegation, client or federated_identity. Returns at most p_most.
CREATE OR REPLACE FUNCTION rests_on(p_zone uuid, p_kind text, p_id uuid, p_before uuid, p_most integer)
RETURNS TABLE (kind text, id uuid) LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan AS $$
BEGIN
  CASE p_kind
    WHEN 'session' THEN
      RETURN QUERY
        (SELECT 'agent_session', a.id FROM agent_sessions a
          WHERE a.zone_id = p_zone AND a.session_id = p_id AND a.ended_at IS NULL AND a.id < p_before
          ORDER BY a.id DESC LIMIT p_most)
        UNION ALL
        (SELECT 'agent_session', a.id FROM agent_sessions a
          WHERE a.zone_id = p_zone AND a.root_session_id = p_id AND a.root_session_id <> a.session_id
            AND a.ended_at IS NULL AND a.id < p_before
          ORDER BY a.id DESC LIMIT p_most)
        ORDER BY 2 DESC LIMIT p_most;
    WHEN 'agent_session' THEN
      RETURN QUERY
        (SELECT 'agent_session', a.id FROM agent_sessions a
          WHERE a.zone_id = p_zone AND a.parent_id = p_id AND a.ended_at IS NULL AND a.id < p_before
          ORDER BY a.id DESC LIMIT p_most)
        UNION ALL
        (SELECT 'delegation', e.id FROM delegation_edges e
          WHERE e.zone_id = p_zone AND e.source_id = p_id AND e.accepted_at IS NOT NULL AND e.revoked_at IS NULL
            AND e.id < p_before
          ORDER BY e.id DESC LIMIT p_most)
        UNION ALL
        (SELECT 'delegation', e.id FROM delegation_edges e
          WHERE e.zone_id = p_zone AND e.target_id = p_id AND e.accepted_at IS NOT NULL AND e.revoked_at IS NULL
            AND e.id < p_before
          ORDER BY e.id DESC LIMIT p_most)
        ORDER BY 2 DESC LIMIT p_most;
    WHEN 'delegation' THEN
      RETURN QUERY
        SELECT 'delegation', e.id FROM delegation_edges e
         WHERE e.zone_id = p_zone AND e.parent_edge_id = p_id AND e.accepted_at IS NOT NULL AND e.revoked_at IS NULL
           AND e.id < p_before
         ORDER BY e.id DESC LIMIT p_most;
    WHEN 'client' THEN
      RETURN QUERY
        (SELECT 'session', s.id FROM sessions s
          WHERE s.zone_id = p_zone AND s.client_id = p_id AND s.ended_at IS NULL AND s.id < p_before
          ORDER BY s.id DESC LIMIT p_most)
        UNION ALL
        (SELECT 'agent_session', a.id FROM agent_sessions a
          WHERE a.zone_id = p_zone AND a.client_id = p_id AND a.ended_at IS NULL AND a.id < p_before
          ORDER BY a.id DESC LIMIT p_most)
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
         WHERE s.zone_id = p_zone AND s.federated_identity_id = p_id AND s.ended_at IS NULL AND s.id < p_before
         ORDER BY s.id DESC LIMIT p_most;
  END CASE;
END $$;
