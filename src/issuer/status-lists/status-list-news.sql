-- What status lists are brought up to date from: the revocation feed. Whatever takes a mandate back enters a notice in its
-- own transaction (issuer/feed/revocation-feed.sql), and no mandate is committed that rests on what was taken back before;
-- so a list that is known as of a position of the feed changes only by what has come since, and not at all where nothing
-- has. What is in the feed is there for longer than any mandate lives: from position 0 on it is all that there is to know.

-- What was taken back in a zone and has no position in the feed yet, or has one: the ids of mandates, sessions, agent
-- sessions and delegations, with the agent sessions and delegations that rest on them.
--
-- p_placed: whether of what has its position, after p_after; else of what has none, by the id of its notice, after p_after.
-- p_most:   the most that are looked at, and that may rest on them.
-- next:     where to go on.
-- more:     whether there may be more.
-- anything: whether some of it may have taken back what no id finds, such as a client or an issuer: then the list is to be
--           made from all of its mandates (status_list_taken_back), and no ids are given.
CREATE OR REPLACE FUNCTION status_list_news(p_zone uuid, p_placed boolean, p_after bigint, p_most integer)
RETURNS TABLE (jtis uuid[], sessions uuid[], agents uuid[], edges uuid[], next bigint, more boolean, anything boolean)
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  names uuid[];
  kinds text[];
  found integer;
  looked integer := 0;
  upper CONSTANT uuid := 'ffffffff-ffff-ffff-ffff-ffffffffffff';
BEGIN
  IF p_placed THEN
    SELECT array_agg(i.named_id ORDER BY i.at), array_agg(i.kind ORDER BY i.at), max(i.at) INTO names, kinds, next
      FROM (SELECT f.position AS at, f.kind, f.named_id FROM revocation_feed f
             WHERE f.zone_id = p_zone AND f.position > p_after ORDER BY f.position LIMIT p_most) AS i;
  ELSE
    SELECT array_agg(i.named_id ORDER BY i.at), array_agg(i.kind ORDER BY i.at), max(i.at) INTO names, kinds, next
      FROM (SELECT n.id AS at, n.kind, coalesce(n.named_id, n.below_id) AS named_id FROM revocation_notices n
             WHERE n.zone_id = p_zone AND n.id > p_after ORDER BY n.id LIMIT p_most) AS i;
  END IF;
  found := coalesce(cardinality(names), 0);
  next := coalesce(next, p_after);
  more := found = p_most;
  anything := EXISTS (SELECT FROM unnest(names, kinds) AS i (id, kind)
                       WHERE i.id IS NULL OR NOT revocation_names_id(i.kind));
  -- What has ended with something has no mark of its own. Only where there are agent sessions is there anything to find.
  IF NOT anything AND EXISTS (SELECT FROM agent_sessions a WHERE a.zone_id = p_zone) THEN
    -- What is found is gone through in turn, with what rests on it.
    WHILE looked < coalesce(cardinality(names), 0) LOOP
      looked := looked + 1;
      CONTINUE WHEN kinds[looked] = 'jti';
      SELECT names || coalesce(array_agg(r.id), '{}'), kinds || coalesce(array_agg(r.kind), '{}') INTO names, kinds
        FROM (SELECT DISTINCT b.id, CASE b.kind WHEN 'delegation' THEN 'delegation_edge' ELSE b.kind END AS kind
                FROM rests_on(p_zone, CASE kinds[looked] WHEN 'delegation_edge' THEN 'delegation' ELSE kinds[looked] END,
                              names[looked], upper, p_most) AS b) AS r;
      IF cardinality(names) >= found + p_most THEN
        anything := true;
        EXIT;
      END IF;
    END LOOP;
  END IF;
  IF NOT anything THEN
    SELECT coalesce(array_agg(DISTINCT i.id) FILTER (WHERE i.kind = 'jti'), '{}'),
           coalesce(array_agg(DISTINCT i.id) FILTER (WHERE i.kind = 'session'), '{}'),
           coalesce(array_agg(DISTINCT i.id) FILTER (WHERE i.kind = 'agent_session'), '{}'),
           coalesce(array_agg(DISTINCT i.id) FILTER (WHERE i.kind = 'delegation_edge'), '{}')
      INTO jtis, sessions, agents, edges FROM unnest(names, kinds) AS i (id, kind);
  END IF;
  RETURN NEXT;
END $$;

-- The last position that the feed of a zone has; 0 if it has none.
CREATE OR REPLACE FUNCTION status_list_position(p_zone uuid) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN coalesce((SELECT max(f.position) FROM revocation_feed f WHERE f.zone_id = p_zone), 0);
END $$;

-- The indices of a list, p_most of them from p_from on, whose mandates rest on any of some ids. Rows are gone through by
-- their place in the list and have no other index: what an exchange writes is as little as it can be, and to go through a
-- million takes less than a second. Planned each time, so that ids are looked up by their digests.
--
-- taken_back: one index after the other, each as four bytes; null for none.
-- next:       where to go on; null where no index beyond was given to anybody.
CREATE OR REPLACE FUNCTION status_list_resting_on(p_zone uuid, p_hour integer, p_list integer, p_from integer, p_most integer,
  p_jtis uuid[], p_sessions uuid[], p_agents uuid[], p_edges uuid[])
RETURNS TABLE (taken_back bytea, next integer) LANGUAGE plpgsql STABLE SET plan_cache_mode = force_custom_plan AS $$
BEGIN
  RETURN QUERY
    SELECT (SELECT string_agg(int4send(i.idx), ''::bytea) FROM issued_mandates i
             WHERE i.zone_id = p_zone AND i.exp_hour = p_hour AND i.list = p_list
               AND i.idx >= p_from AND i.idx < p_from + p_most
               AND (i.sid = ANY (p_sessions) OR i.root_sid = ANY (p_sessions)
                    OR i.agent_session_id = ANY (p_agents) OR i.edge_id = ANY (p_edges)
                    OR i.jti = ANY (p_jtis)
                    -- To compare arrays is dearer for each id, and to take one apart for each row.
                    OR CASE WHEN cardinality(p_jtis) <= 20 THEN i.ancestors && p_jtis
                       ELSE EXISTS (SELECT FROM unnest(i.ancestors) AS a (jti) WHERE a.jti = ANY (p_jtis)) END)),
           (SELECT p_from + p_most WHERE EXISTS (
              SELECT FROM status_blocks b
               WHERE b.zone_id = p_zone AND b.exp_hour = p_hour AND b.list = p_list
                 AND b.first > p_from + p_most - status_block_size()));
END $$;
