-- Ends a session, and marks the live agent sessions that were opened in it. They are dead with it as it is; marked, they do
-- not count among those that their client may have alive, and that is also why there are never many. Returns the session,
-- as it was before, if there is one: ended before, it is only that.
CREATE OR REPLACE FUNCTION session_end(p_zone uuid, p_session uuid) RETURNS SETOF sessions LANGUAGE plpgsql
  SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  before sessions;
BEGIN
  SELECT s.* INTO before FROM sessions s
   WHERE s.zone_id = p_zone AND s.id >= p_session AND s.id <= p_session ORDER BY s.id LIMIT 1 FOR NO KEY UPDATE;
  IF NOT FOUND THEN RETURN; END IF;
  UPDATE sessions s SET ended_at = clock_timestamp()
   WHERE s.zone_id = p_zone AND s.client_id = before.client_id AND s.id = p_session AND s.ended_at IS NULL;
  UPDATE agent_sessions a SET ended_at = clock_timestamp()
   WHERE a.zone_id = p_zone AND a.client_id = before.client_id AND a.ended_at IS NULL AND a.expires_at > clock_timestamp()
     AND p_session IN (a.session_id, a.root_session_id);
  RETURN NEXT before;
END $$;
