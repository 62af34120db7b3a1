-- What the ledger asks of agent sessions and delegations, and the budgets that it draws on. Everything above
-- may have ended at any time, so each question goes the whole way up, which is kept in the row.

-- Here and below, what has a partition for each day is looked up row by row, so that one partition is looked into, and
-- by generic plans: PostgreSQL takes them for dearer than they are, since it counts every partition, and would plan each
-- look-up anew, which takes ten times as long as to look.

-- Whether none of some sessions has been ended, nor what it rests on. One that has expired may be gone.
CREATE OR REPLACE FUNCTION sessions_not_ended(p_zone uuid, p_ids uuid[]) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  wanted uuid;
BEGIN
  FOREACH wanted IN ARRAY p_ids LOOP
    IF (SELECT s.ended_at IS NOT NULL OR NOT session_supported(s) FROM sessions s
         WHERE s.zone_id = p_zone AND s.id >= wanted AND s.id <= wanted ORDER BY s.id LIMIT 1) THEN
      RETURN false;
    END IF;
  END LOOP;
  RETURN true;
END $$;

-- Whether none of some clients is being removed.
CREATE OR REPLACE FUNCTION clients_not_removed(p_zone uuid, p_ids uuid[]) RETURNS boolean LANGUAGE plpgsql
  SET enable_seqscan = off AS $$
BEGIN
  RETURN NOT EXISTS (SELECT FROM clients c
                      WHERE c.zone_id IS NOT DISTINCT FROM p_zone AND c.id = ANY (p_ids) AND c.removed_at IS NOT NULL);
END $$;

-- Whether one agent session is alive by itself. Its client must not be being removed, nor it or the zone have been taken
-- back since. The session that opened it may have expired since, but must not have been ended, nor what it rests on.
CREATE OR REPLACE FUNCTION agent_session_alive(a agent_sessions) RETURNS boolean LANGUAGE plpgsql
  SET enable_seqscan = off AS $$
BEGIN
  RETURN a.ended_at IS NULL AND a.expires_at > clock_timestamp()
     AND EXISTS (SELECT FROM clients c JOIN zones z ON z.id = c.zone_id
                  WHERE c.zone_id IS NOT DISTINCT FROM a.zone_id AND c.id = a.client_id AND c.removed_at IS NULL
                    AND c.generation = a.client_generation AND z.generation = a.zone_generation)
     AND sessions_not_ended(a.zone_id, ARRAY(SELECT DISTINCT unnest(ARRAY[a.session_id, a.root_session_id])));
END $$;

-- Whether all of some agent sessions are alive, each by itself; one that is not there is not.
CREATE OR REPLACE FUNCTION agent_sessions_alive(p_zone uuid, p_ids uuid[]) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  wanted uuid;
BEGIN
  FOREACH wanted IN ARRAY p_ids LOOP
    IF (SELECT agent_session_alive(a) FROM agent_sessions a
         WHERE a.zone_id = p_zone AND a.id >= wanted AND a.id <= wanted ORDER BY a.id LIMIT 1) IS NOT TRUE THEN
      RETURN false;
    END IF;
  END LOOP;
  RETURN true;
END $$;

-- Whether one delegation is alive by itself: accepted, not revoked, not expired, and neither party being removed.
CREATE OR REPLACE FUNCTION delegation_edge_alive(e delegation_edges) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  RETURN e.accepted_at IS NOT NULL AND e.revoked_at IS NULL AND e.expires_at > clock_timestamp()
     AND clients_not_removed(e.zone_id, ARRAY[e.issuer_client_id, e.receiver_client_id]);
END $$;

-- The fact agent_session_live: it and all above it are alive.
CREATE OR REPLACE FUNCTION agent_session_live(p_zone uuid, p_id uuid) RETURNS boolean LANGUAGE plpgsql
  SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
BEGIN
  RETURN coalesce((SELECT agent_sessions_alive(p_zone, a.path) FROM agent_sessions a
                    WHERE a.zone_id = p_zone AND a.id >= p_id AND a.id <= p_id ORDER BY a.id LIMIT 1), false);
END $$;

-- The fact delegation_live: every edge and every session on the way to it is alive.
-- p_versions: the edges as they were evaluated, by id; null if that is not known.
CREATE OR REPLACE FUNCTION delegation_live(p_zone uuid, p_id uuid, p_versions jsonb) RETURNS boolean LANGUAGE plpgsql
  SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
  leaf   delegation_edges;
  wanted uuid;
BEGIN
  SELECT e.* INTO leaf FROM delegation_edges e
   WHERE e.zone_id = p_zone AND e.id >= p_id AND e.id <= p_id ORDER BY e.id LIMIT 1;
  IF NOT FOUND OR NOT agent_sessions_alive(p_zone, leaf.sessions) THEN RETURN false; END IF;
  FOREACH wanted IN ARRAY leaf.edge_path LOOP
    IF (SELECT delegation_edge_alive(d) AND (p_versions IS NULL OR d.version = (p_versions->>(d.id::text))::bigint)
          FROM delegation_edges d
         WHERE d.zone_id = p_zone AND d.id >= wanted AND d.id <= wanted ORDER BY d.id LIMIT 1) IS NOT TRUE THEN
      RETURN false;
    END IF;
  END LOOP;
  RETURN true;
END $$;

-- Whether what an evaluation has read of a graph (GraphBasis in ledger/entry.ts) is still there as it was: the states of
-- agent sessions (version and expiry, which heartbeats move) and the versions of edges, by id, and the epoch if it is
-- given. If not, it is to be evaluated again.
CREATE OR REPLACE FUNCTION graph_unchanged(p_zone uuid, p_graph jsonb) RETURNS boolean LANGUAGE plpgsql
  SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
  wanted uuid;
  known  text;
BEGIN
  IF p_graph ? 'epoch' AND NOT EXISTS (
       SELECT FROM delegation_graphs g WHERE g.zone_id = p_zone AND g.epoch = (p_graph->>'epoch')::bigint) THEN
    RETURN false;
  END IF;
  FOR wanted, known IN SELECT x.key::uuid, x.value FROM jsonb_each_text(p_graph->'agents') AS x LOOP
    IF (SELECT a.version || ' ' || extract(epoch FROM a.expires_at) FROM agent_sessions a
         WHERE a.zone_id = p_zone AND a.id >= wanted AND a.id <= wanted ORDER BY a.id LIMIT 1) IS DISTINCT FROM known THEN
      RETURN false;
    END IF;
  END LOOP;
  FOR wanted, known IN SELECT x.key::uuid, x.value FROM jsonb_each_text(p_graph->'edges') AS x LOOP
    IF (SELECT d.version FROM delegation_edges d
         WHERE d.zone_id = p_zone AND d.id >= wanted AND d.id <= wanted ORDER BY d.id LIMIT 1) IS DISTINCT FROM known::bigint THEN
      RETURN false;
    END IF;
  END LOOP;
  RETURN true;
END $$;

-- The fact agency_live, of an entry whose graph is unchanged: nothing of it has expired by now, no session in which
-- one of its agent sessions was opened has been ended, and no client of it is being removed.
-- p_until: when the first of it expires, in seconds since the epoch.
CREATE OR REPLACE FUNCTION agency_live(p_zone uuid, p_until double precision, p_sessions uuid[], p_clients uuid[])
RETURNS boolean LANGUAGE plpgsql
  SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
BEGIN
  RETURN coalesce(to_timestamp(p_until) > clock_timestamp()
     AND clients_not_removed(p_zone, p_clients) AND sessions_not_ended(p_zone, p_sessions), false);
END $$;

-- An agent session as a route has it (Agent in delegation-route.ts).
CREATE OR REPLACE FUNCTION agent_session_in_route(a agent_sessions) RETURNS json LANGUAGE plpgsql AS $$
BEGIN
  RETURN json_build_object(
    'id', a.id, 'clientId', a.client_id, 'lifecycle', a.lifecycle, 'labels', a.labels,
    'path', a.path, 'narrowed', a.narrowed, 'edgeId', a.edge_id, 'state', a.version || ' ' || extract(epoch FROM a.expires_at),
    'openedIn', ARRAY[a.session_id, a.root_session_id],
    'zoneGeneration', a.zone_generation, 'clientGeneration', a.client_generation,
    'expiresAt', floor(extract(epoch FROM a.expires_at)), 'expires', extract(epoch FROM a.expires_at)::double precision,
    'alive', agent_session_alive(a));
END $$;

-- The way on which authority came to an agent session (DelegationRoute in delegation-route.ts): null if there is no such
-- session. Without p_edge it is that of the one live delegation that leads to it, or of the one that it is confined by
-- because of a session above it. All of it is as it was at one moment, that of the query that asks.
CREATE OR REPLACE FUNCTION delegation_route(p_zone uuid, p_agent uuid, p_edge uuid) RETURNS json LANGUAGE plpgsql STABLE
  SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
  acting agent_sessions;
  leaf   delegation_edges;
  chosen uuid := p_edge;
  leads  integer := 0;
  alive  uuid[] := '{}';
BEGIN
  SELECT a.* INTO acting FROM agent_sessions a
   WHERE a.zone_id = p_zone AND a.id >= p_agent AND a.id <= p_agent ORDER BY a.id LIMIT 1;
  IF NOT FOUND THEN RETURN NULL; END IF;
  IF p_edge IS NULL THEN
    SELECT count(*), coalesce(array_agg(e.id) FILTER (WHERE delegation_edge_alive(e)), '{}') INTO leads, alive
      FROM delegation_edges e WHERE e.zone_id = p_zone AND e.target_id = p_agent AND e.accepted_at IS NOT NULL;
    chosen := CASE WHEN cardinality(alive) = 1 THEN alive[1] WHEN leads = 0 THEN acting.edge_id END;
  END IF;
  SELECT e.* INTO leaf FROM delegation_edges e
   WHERE e.zone_id = p_zone AND e.id >= chosen AND e.id <= chosen ORDER BY e.id LIMIT 1;
  RETURN json_build_object(
    'acting', agent_session_in_route(acting),
    'incoming', cardinality(alive),
    'edges', coalesce((
      SELECT json_agg(json_build_object(
        'id', e.id, 'parentId', e.parent_edge_id, 'sourceId', e.source_id, 'targetId', e.target_id,
        'issuerClientId', e.issuer_client_id, 'receiverClientId', e.receiver_client_id,
        'edgePath', e.edge_path, 'path', e.path, 'sessions', e.sessions, 'hopCount', e.hop_count,
        'scopes', e.scopes, 'resource', e.resource, 'constraints', e.constraints, 'remaining', e.remaining,
        'expiresAt', floor(extract(epoch FROM e.expires_at)),
        'expires', extract(epoch FROM e.expires_at)::double precision,
        'createdAt', floor(extract(epoch FROM e.created_at)),
        'version', e.version::text, 'accepted', e.accepted_at IS NOT NULL,
        'alive', e.revoked_at IS NULL AND e.expires_at > clock_timestamp()) ORDER BY e.hop_count)
        FROM unnest(leaf.edge_path) AS wanted (id)
        CROSS JOIN LATERAL (
          SELECT d.* FROM delegation_edges d WHERE d.zone_id = p_zone AND d.id >= wanted.id AND d.id <= wanted.id ORDER BY d.id LIMIT 1) AS e), '[]'),
    'agents', (
      SELECT json_agg(agent_session_in_route(b::agent_sessions))
        FROM (SELECT unnest(acting.path) UNION SELECT unnest(leaf.sessions)) AS wanted (id)
        CROSS JOIN LATERAL (
          SELECT a.* FROM agent_sessions a WHERE a.zone_id = p_zone AND a.id >= wanted.id AND a.id <= wanted.id ORDER BY a.id LIMIT 1) AS b),
    'epoch', coalesce((SELECT g.epoch FROM delegation_graphs g WHERE g.zone_id = p_zone), 0));
END $$;

-- What of a route changes without another version of it: the epoch of the graph, and what is left of budgets, by edge.
CREATE OR REPLACE FUNCTION delegation_now(p_zone uuid, p_edges uuid[]) RETURNS json LANGUAGE plpgsql STABLE
  SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
BEGIN
  RETURN json_build_object(
    'epoch', coalesce((SELECT g.epoch FROM delegation_graphs g WHERE g.zone_id = p_zone), 0),
    'remaining', coalesce((
      SELECT json_object_agg(e.id, e.remaining) FROM unnest(p_edges) AS wanted (id)
        CROSS JOIN LATERAL (
          SELECT d.* FROM delegation_edges d WHERE d.zone_id = p_zone AND d.id >= wanted.id AND d.id <= wanted.id ORDER BY d.id LIMIT 1) AS e), '{}'));
END $$;

-- The fact delegation_unspent: no budget on the way to it is used up.
CREATE OR REPLACE FUNCTION delegation_unspent(p_zone uuid, p_id uuid) RETURNS boolean LANGUAGE sql AS $$
  SELECT NOT EXISTS (
    SELECT 1 FROM delegation_edges e JOIN delegation_edges d ON d.zone_id = p_zone AND d.id = ANY (e.edge_path)
     WHERE e.zone_id = p_zone AND e.id = p_id AND d.remaining = 0)
$$;

-- Draws one exchange on every budget on the way to an edge.
CREATE OR REPLACE FUNCTION delegation_draw(p_zone uuid, p_id uuid) RETURNS void LANGUAGE sql AS $$
  UPDATE delegation_edges d SET remaining = d.remaining - 1
   WHERE d.zone_id = p_zone AND d.remaining IS NOT NULL
     AND d.id IN (SELECT unnest(e.edge_path) FROM delegation_edges e WHERE e.zone_id = p_zone AND e.id = p_id)
$$;

-- The budgets on the way to an edge.
CREATE OR REPLACE FUNCTION delegation_budgets(p_zone uuid, p_id uuid) RETURNS uuid[] LANGUAGE plpgsql AS $$
DECLARE
  way uuid[];
BEGIN
  SELECT e.edge_path INTO way FROM delegation_edges e
   WHERE e.zone_id = p_zone AND e.id >= p_id AND e.id <= p_id ORDER BY e.id LIMIT 1;
  RETURN ARRAY(SELECT d.id FROM delegation_edges d
                WHERE d.zone_id = p_zone AND d.id = ANY (way) AND d.remaining IS NOT NULL);
END $$;

-- Takes the budgets on the way to an edge, to be drawn on. False if somebody else holds one; nobody is waited for.
CREATE OR REPLACE FUNCTION delegation_take(p_zone uuid, p_id uuid) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  wanted CONSTANT uuid[] := delegation_budgets(p_zone, p_id);
  taken  integer;
BEGIN
  PERFORM FROM delegation_edges d WHERE d.zone_id = p_zone AND d.id = ANY (wanted) FOR NO KEY UPDATE SKIP LOCKED;
  GET DIAGNOSTICS taken = ROW_COUNT;
  RETURN taken = cardinality(wanted);
END $$;

-- Called by ledger_lock of the version before only, which this set replaces; to be dropped with the next one.
CREATE OR REPLACE FUNCTION delegation_lock(p_entries jsonb) RETURNS void LANGUAGE sql AS $$ SELECT $$;
