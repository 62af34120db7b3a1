-- The graph of a zone: its agent sessions and the delegations between them. Its epoch counts the changes, so
-- that what was read at one epoch can be told from what is there at another.

-- Before an edge is changed: it becomes another version of itself.
CREATE OR REPLACE FUNCTION delegation_edge_version_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.version := OLD.version + 1;
  RETURN NEW;
END $$;

-- After something was added to the graph or changed in it: counts that. What is received with its zone comes with its count.
CREATE OR REPLACE FUNCTION delegation_graph_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF current_setting('mandate.receiving', true) = 'on' THEN RETURN NULL; END IF;
  INSERT INTO delegation_graphs AS g (zone_id, epoch) VALUES (NEW.zone_id, 1)
    ON CONFLICT (zone_id) DO UPDATE SET epoch = g.epoch + 1;
  RETURN NULL;
END $$;

-- After something was removed from the graph: counts that. What goes with its zone has no graph any more.
CREATE OR REPLACE FUNCTION delegation_graph_shrunk() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF current_setting('mandate.receiving', true) = 'on' THEN RETURN NULL; END IF;
  UPDATE delegation_graphs SET epoch = epoch + 1 WHERE zone_id = OLD.zone_id;
  RETURN NULL;
END $$;

-- Before an agent session is changed: it becomes another version of itself.
CREATE OR REPLACE FUNCTION agent_session_version_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.version := OLD.version + 1;
  RETURN NEW;
END $$;

-- After a delegation has come to lead to an agent session, or to be more than it was: that is another version of the
-- session, since it may act on this one now without naming it. What a delegation loses, its own version tells.
CREATE OR REPLACE FUNCTION delegation_target_gains() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF current_setting('mandate.receiving', true) = 'on' THEN RETURN NULL; END IF;
  UPDATE agent_sessions SET version = version + 1 WHERE zone_id = NEW.zone_id AND id = NEW.target_id;
  RETURN NULL;
END $$;

-- Exchanges draw on the budget; everything else makes it another edge, also that it has a budget or has none.
CREATE OR REPLACE TRIGGER version_grows BEFORE UPDATE ON delegation_edges FOR EACH ROW
  WHEN (ROW (OLD.zone_id, OLD.id, OLD.source_id, OLD.target_id, OLD.issuer_client_id, OLD.receiver_client_id,
             OLD.parent_edge_id, OLD.edge_path, OLD.path, OLD.sessions, OLD.hop_count, OLD.scopes, OLD.resource,
             OLD.constraints, OLD.remaining IS NULL, OLD.expires_at, OLD.version, OLD.accepted_at, OLD.revoked_at, OLD.created_at)
        IS DISTINCT FROM
        ROW (NEW.zone_id, NEW.id, NEW.source_id, NEW.target_id, NEW.issuer_client_id, NEW.receiver_client_id,
             NEW.parent_edge_id, NEW.edge_path, NEW.path, NEW.sessions, NEW.hop_count, NEW.scopes, NEW.resource,
             NEW.constraints, NEW.remaining IS NULL, NEW.expires_at, NEW.version, NEW.accepted_at, NEW.revoked_at, NEW.created_at))
  EXECUTE FUNCTION delegation_edge_version_grows();

CREATE OR REPLACE TRIGGER graph_grew AFTER INSERT ON delegation_edges
  FOR EACH ROW EXECUTE FUNCTION delegation_graph_changed();

CREATE OR REPLACE TRIGGER graph_changed AFTER UPDATE ON delegation_edges FOR EACH ROW
  WHEN (OLD.version IS DISTINCT FROM NEW.version) EXECUTE FUNCTION delegation_graph_changed();

CREATE OR REPLACE TRIGGER graph_shrunk AFTER DELETE ON delegation_edges
  FOR EACH ROW EXECUTE FUNCTION delegation_graph_shrunk();

CREATE OR REPLACE TRIGGER target_gains AFTER INSERT ON delegation_edges FOR EACH ROW
  WHEN (NEW.accepted_at IS NOT NULL) EXECUTE FUNCTION delegation_target_gains();

CREATE OR REPLACE TRIGGER target_gains_more AFTER UPDATE ON delegation_edges FOR EACH ROW
  WHEN (OLD.version IS DISTINCT FROM NEW.version AND NEW.accepted_at IS NOT NULL AND NEW.revoked_at IS NULL)
  EXECUTE FUNCTION delegation_target_gains();

-- A heartbeat is no change to the graph, and no other version: what was read is compared with the expiry as well.
CREATE OR REPLACE TRIGGER version_grows BEFORE UPDATE ON agent_sessions FOR EACH ROW
  WHEN (ROW (OLD.zone_id, OLD.id, OLD.client_id, OLD.session_id, OLD.root_session_id, OLD.parent_id, OLD.path, OLD.depth,
             OLD.lifecycle, OLD.labels, OLD.beat_seconds, OLD.narrowed, OLD.edge_id, OLD.version, OLD.ended_at,
             OLD.created_at)
        IS DISTINCT FROM
        ROW (NEW.zone_id, NEW.id, NEW.client_id, NEW.session_id, NEW.root_session_id, NEW.parent_id, NEW.path, NEW.depth,
             NEW.lifecycle, NEW.labels, NEW.beat_seconds, NEW.narrowed, NEW.edge_id, NEW.version, NEW.ended_at,
             NEW.created_at))
  EXECUTE FUNCTION agent_session_version_grows();

CREATE OR REPLACE TRIGGER graph_grew AFTER INSERT ON agent_sessions
  FOR EACH ROW EXECUTE FUNCTION delegation_graph_changed();

-- A delegation that comes to lead to a session is counted itself.
CREATE OR REPLACE TRIGGER graph_changed AFTER UPDATE ON agent_sessions FOR EACH ROW
  WHEN (ROW (OLD.zone_id, OLD.id, OLD.client_id, OLD.session_id, OLD.root_session_id, OLD.parent_id, OLD.path, OLD.depth,
             OLD.lifecycle, OLD.labels, OLD.beat_seconds, OLD.narrowed, OLD.edge_id, OLD.ended_at, OLD.created_at)
        IS DISTINCT FROM
        ROW (NEW.zone_id, NEW.id, NEW.client_id, NEW.session_id, NEW.root_session_id, NEW.parent_id, NEW.path, NEW.depth,
             NEW.lifecycle, NEW.labels, NEW.beat_seconds, NEW.narrowed, NEW.edge_id, NEW.ended_at, NEW.created_at))
  EXECUTE FUNCTION delegation_graph_changed();

CREATE OR REPLACE TRIGGER graph_shrunk AFTER DELETE ON agent_sessions
  FOR EACH ROW EXECUTE FUNCTION delegation_graph_shrunk();
