-- What goes with an order to take something back. From the commit of the order on it is dead by its generation
-- (zones/generations.sql), however much it is; here its rows are marked as ended, so many at a time: then lists show it,
-- gateways and readers of the feed are told of each, and it counts among nobody's limits any more.

-- Looks at the next rows of the order that has waited for longest, and that no other replica is at: of the newest ones that
-- were not looked at yet, at most p_seen, of which at most p_most are ended. It waits for nobody who holds a row: what is
-- held is left, and looked for again a second after the rest has ended; and where it would have to wait for something else,
-- the order has its next turn a second later, behind all others.
-- Returns the order, how many rows were ended, and whether that were the last; nothing if there is no order.
CREATE OR REPLACE FUNCTION revocation_end_some(p_seen integer, p_most integer)
RETURNS TABLE (zone_id uuid, order_id uuid, ended integer, over boolean) LANGUAGE plpgsql
  SET plan_cache_mode = force_generic_plan SET lock_timeout = '300ms' AS $$
DECLARE
  e    revocation_endings;
  seen uuid[];
  hit  uuid[];
  free uuid[];
BEGIN
  SELECT x.* INTO e FROM revocation_endings x WHERE x.touched_at <= clock_timestamp()
   ORDER BY x.touched_at LIMIT 1 FOR UPDATE SKIP LOCKED;
  IF NOT FOUND THEN RETURN; END IF;
  CASE e.stage
    WHEN 'agent_sessions' THEN
      -- Those that were opened in sessions of a subject or an issuer are ended with the session.
      SELECT array_agg(r.id ORDER BY r.id DESC), array_agg(r.id ORDER BY r.id DESC) FILTER (WHERE r.hit) INTO seen, hit
        FROM (SELECT a.id, a.ended_at IS NULL AND a.expires_at > clock_timestamp() AND CASE e.kind
                             WHEN 'client' THEN a.client_id = e.name::uuid AND a.client_generation < e.generation
                             ELSE a.zone_generation < e.generation END AS hit
                FROM agent_sessions a
               WHERE e.kind IN ('client', 'zone') AND a.zone_id = e.zone_id AND a.id < e.before
               ORDER BY a.id DESC LIMIT p_seen) AS r;
    WHEN 'sessions' THEN
      -- A session lives for an hour at most; what is older than a day is not looked at.
      SELECT array_agg(r.id ORDER BY r.id DESC), array_agg(r.id ORDER BY r.id DESC) FILTER (WHERE r.hit) INTO seen, hit
        FROM (SELECT s.id, s.ended_at IS NULL AND s.expires_at > clock_timestamp() AND CASE e.kind
                             WHEN 'client' THEN s.client_id = e.name::uuid AND s.client_generation < e.generation
                             WHEN 'subject' THEN s.subject = e.name AND s.issuer = e.issuer AND s.subject_generation < e.generation
                             WHEN 'issuer' THEN s.issuer = e.name AND s.issuer_generation < e.generation
                             ELSE s.zone_generation < e.generation END AS hit
                FROM sessions s
               WHERE s.zone_id = e.zone_id AND s.id < e.before AND s.id >= uuid_from_time(now() - interval '1 day')
               ORDER BY s.id DESC LIMIT p_seen) AS r;
    WHEN 'delegations' THEN
      SELECT array_agg(r.id ORDER BY r.id DESC), array_agg(r.id ORDER BY r.id DESC) FILTER (WHERE r.hit) INTO seen, hit
        FROM (SELECT d.id, d.revoked_at IS NULL AND d.expires_at > clock_timestamp()
                           AND (e.kind = 'zone' OR e.name::uuid IN (d.issuer_client_id, d.receiver_client_id))
                           AND d.created_at <= (SELECT o.at FROM revocation_orders o
                                                 WHERE o.zone_id = e.zone_id AND o.id = e.order_id) AS hit
                FROM delegation_edges d
               WHERE e.kind IN ('client', 'zone') AND d.zone_id = e.zone_id AND d.id < e.before
               ORDER BY d.id DESC LIMIT p_seen) AS r;
  END CASE;
  -- What is beyond the last that is ended is looked at again.
  IF cardinality(hit) > p_most THEN
    hit := hit[1:p_most];
    e.before := hit[p_most];
  ELSIF cardinality(seen) = p_seen THEN
    e.before := seen[p_seen];
  ELSE
    e.before := 'ffffffff-ffff-ffff-ffff-ffffffffffff';
    over := e.stage = 'delegations';
    e.stage := CASE e.stage WHEN 'agent_sessions' THEN 'sessions' ELSE 'delegations' END;
  END IF;
  over := coalesce(over, false);
  IF cardinality(hit) > 0 THEN
    BEGIN
      free := revocation_rows_free(e.zone_id, hit);
      e.left_over := e.left_over OR cardinality(free) < cardinality(hit);
      PERFORM revocation_end_rows(e.zone_id, free);
    EXCEPTION
      WHEN lock_not_available THEN
        free := NULL;
    END;
    IF free IS NULL THEN
      UPDATE revocation_endings x SET touched_at = clock_timestamp() + interval '1 second'
       WHERE x.zone_id = e.zone_id AND x.order_id = e.order_id
      RETURNING x.zone_id, x.order_id, 0, false INTO zone_id, order_id, ended, over;
      RETURN NEXT;
      RETURN;
    END IF;
  END IF;
  zone_id := e.zone_id;
  order_id := e.order_id;
  ended := coalesce(cardinality(free), 0);
  e.touched_at := clock_timestamp();
  IF over AND e.left_over THEN
    over := false;
    e.left_over := false;
    e.stage := 'agent_sessions';
    e.touched_at := clock_timestamp() + interval '1 second';
  END IF;
  IF over THEN
    DELETE FROM revocation_endings x WHERE x.zone_id = e.zone_id AND x.order_id = e.order_id;
  ELSE
    UPDATE revocation_endings x
       SET stage = e.stage, before = e.before, ended = x.ended + revocation_end_some.ended, touched_at = e.touched_at,
           left_over = e.left_over
     WHERE x.zone_id = e.zone_id AND x.order_id = e.order_id;
  END IF;
  RETURN NEXT;
END $$;

-- Of some sessions, agent sessions and delegations those that nobody holds: they are held from now on, with the agent
-- sessions that were opened in the sessions.
CREATE OR REPLACE FUNCTION revocation_rows_free(p_zone uuid, p_ids uuid[]) RETURNS uuid[] LANGUAGE plpgsql
  SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  held CONSTANT uuid[] := ARRAY(
    WITH opened AS MATERIALIZED (
      SELECT s.id AS session_id, a.id FROM sessions s
        JOIN agent_sessions a ON a.zone_id = s.zone_id AND a.client_id = s.client_id AND a.ended_at IS NULL
                             AND a.expires_at > clock_timestamp() AND s.id IN (a.session_id, a.root_session_id)
       WHERE s.zone_id = p_zone AND s.id = ANY (p_ids)
    ), free AS MATERIALIZED (
      SELECT a.id FROM agent_sessions a WHERE a.zone_id = p_zone AND a.id IN (SELECT o.id FROM opened o)
         FOR NO KEY UPDATE SKIP LOCKED
    )
    SELECT o.session_id FROM opened o WHERE o.id NOT IN (SELECT f.id FROM free f));
BEGIN
  RETURN ARRAY(
    WITH of_agents AS MATERIALIZED (
      SELECT a.id FROM agent_sessions a WHERE a.zone_id = p_zone AND a.id = ANY (p_ids) FOR NO KEY UPDATE SKIP LOCKED
    ), edges AS MATERIALIZED (
      SELECT d.id FROM delegation_edges d WHERE d.zone_id = p_zone AND d.id = ANY (p_ids) FOR NO KEY UPDATE SKIP LOCKED
    ), of_clients AS MATERIALIZED (
      SELECT s.id FROM sessions s WHERE s.zone_id = p_zone AND s.id = ANY (p_ids) AND s.id <> ALL (held)
         FOR NO KEY UPDATE SKIP LOCKED
    )
    SELECT id FROM of_agents UNION ALL SELECT id FROM edges UNION ALL SELECT id FROM of_clients);
END $$;

-- Ends sessions, agent sessions and delegations of a zone, by their ids, which no two of them share. Each in one statement,
-- of which webhooks are told once (webhook_of_sessions).
CREATE OR REPLACE FUNCTION revocation_end_rows(p_zone uuid, p_ids uuid[]) RETURNS void LANGUAGE plpgsql
  SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  one uuid;
BEGIN
  UPDATE agent_sessions a SET ended_at = clock_timestamp() WHERE a.zone_id = p_zone AND a.id = ANY (p_ids) AND a.ended_at IS NULL;
  UPDATE delegation_edges d SET revoked_at = clock_timestamp()
   WHERE d.zone_id = p_zone AND d.id = ANY (p_ids) AND d.revoked_at IS NULL;
  UPDATE sessions s SET ended_at = clock_timestamp() WHERE s.zone_id = p_zone AND s.id = ANY (p_ids) AND s.ended_at IS NULL;
  -- And what was opened in each.
  FOREACH one IN ARRAY p_ids LOOP
    PERFORM session_end(p_zone, one);
  END LOOP;
END $$;
