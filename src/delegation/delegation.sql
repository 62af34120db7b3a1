-- What the ledger asks of agent sessions and delegations, and the budgets that it draws on. Everything above
-- may have ended at any time, so each question goes the whole way up, which is kept in the row.

-- Whether one agent session is alive by itself. Its client must not be being removed. The session that opened it
-- may have expired since, but must not have been ended, nor what it rests on.
CREATE OR REPLACE FUNCTION agent_session_alive(a agent_sessions) RETURNS boolean LANGUAGE sql AS $$
  SELECT a.ended_at IS NULL AND a.expires_at > clock_timestamp()
     AND NOT EXISTS (SELECT 1 FROM sessions s
                      WHERE s.zone_id = a.zone_id AND s.id IN (a.session_id, a.root_session_id)
                        AND (s.ended_at IS NOT NULL OR NOT session_supported(s)))
     AND NOT EXISTS (SELECT 1 FROM clients c
                      WHERE c.zone_id = a.zone_id AND c.id = a.client_id AND c.removed_at IS NOT NULL)
$$;

-- Whether all of some agent sessions are alive, each by itself; one that is not there is not.
CREATE OR REPLACE FUNCTION agent_sessions_alive(p_zone uuid, p_ids uuid[]) RETURNS boolean LANGUAGE sql AS $$
  SELECT NOT EXISTS (
    SELECT 1 FROM unnest(p_ids) AS wanted (id)
     WHERE NOT EXISTS (SELECT 1 FROM agent_sessions a
                        WHERE a.zone_id = p_zone AND a.id = wanted.id AND agent_session_alive(a)))
$$;

-- Whether one delegation is alive by itself: accepted, not revoked, not expired, and neither party being removed.
CREATE OR REPLACE FUNCTION delegation_edge_alive(e delegation_edges) RETURNS boolean LANGUAGE sql AS $$
  SELECT e.accepted_at IS NOT NULL AND e.revoked_at IS NULL AND e.expires_at > clock_timestamp()
     AND NOT EXISTS (SELECT 1 FROM clients c
                      WHERE c.zone_id = e.zone_id AND c.id IN (e.issuer_client_id, e.receiver_client_id)
                        AND c.removed_at IS NOT NULL)
$$;

-- The fact agent_session_live: it and all above it are alive.
CREATE OR REPLACE FUNCTION agent_session_live(p_zone uuid, p_id uuid) RETURNS boolean LANGUAGE sql AS $$
  SELECT coalesce((SELECT agent_sessions_alive(p_zone, a.path) FROM agent_sessions a
                    WHERE a.zone_id = p_zone AND a.id = p_id), false)
$$;

-- The fact delegation_live: every edge and every session on the way to it is alive.
-- p_versions: the edges as they were evaluated, by id; null if that is not known.
CREATE OR REPLACE FUNCTION delegation_live(p_zone uuid, p_id uuid, p_versions jsonb) RETURNS boolean LANGUAGE sql AS $$
  SELECT coalesce((
    SELECT agent_sessions_alive(p_zone, e.sessions) AND NOT EXISTS (
             SELECT 1 FROM unnest(e.edge_path) AS wanted (id)
              WHERE NOT EXISTS (
                SELECT 1 FROM delegation_edges d
                 WHERE d.zone_id = p_zone AND d.id = wanted.id AND delegation_edge_alive(d)
                   AND (p_versions IS NULL OR d.version = (p_versions->>(d.id::text))::bigint)))
      FROM delegation_edges e WHERE e.zone_id = p_zone AND e.id = p_id), false)
$$;

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
  SELECT e.edge_path INTO way FROM delegation_edges e WHERE e.zone_id = p_zone AND e.id = p_id;
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
