-- The graph of a zone: its agent sessions and the delegations between them. Its epoch counts the changes, so
-- that what was read at one epoch can be told from what is there at another.

-- Before an edge is changed: it becomes another version of itself.
CREATE OR REPLACE FUNCTION delegation_edge_version_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.version := OLD.version + 1;
  RETURN NEW;
END $$;

-- After something was added to the graph or changed in it: counts that.
CREATE OR REPLACE FUNCTION delegation_graph_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO delegation_graphs AS g (zone_id, epoch) VALUES (NEW.zone_id, 1)
    ON CONFLICT (zone_id) DO UPDATE SET epoch = g.epoch + 1;
  RETURN NULL;
END $$;

-- After something was removed from the graph: counts that. What goes with its zone has no graph any more.
CREATE OR REPLACE FUNCTION delegation_graph_shrunk() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE delegation_graphs SET epoch = epoch + 1 WHERE zone_id = OLD.zone_id;
  RETURN NULL;
END $$;

-- Exchanges draw on the budget; everything else makes it another edge.
CREATE OR REPLACE TRIGGER version_grows BEFORE UPDATE ON delegation_edges FOR EACH ROW
  WHEN (ROW (OLD.scopes, OLD.resource, OLD.constraints, OLD.expires_at, OLD.accepted_at, OLD.revoked_at,
             OLD.edge_path, OLD.path, OLD.sessions)
        IS DISTINCT FROM
        ROW (NEW.scopes, NEW.resource, NEW.constraints, NEW.expires_at, NEW.accepted_at, NEW.revoked_at,
             NEW.edge_path, NEW.path, NEW.sessions))
  EXECUTE FUNCTION delegation_edge_version_grows();

CREATE OR REPLACE TRIGGER graph_grew AFTER INSERT ON delegation_edges
  FOR EACH ROW EXECUTE FUNCTION delegation_graph_changed();

CREATE OR REPLACE TRIGGER graph_changed AFTER UPDATE ON delegation_edges FOR EACH ROW
  WHEN (OLD.version IS DISTINCT FROM NEW.version) EXECUTE FUNCTION delegation_graph_changed();

CREATE OR REPLACE TRIGGER graph_shrunk AFTER DELETE ON delegation_edges
  FOR EACH ROW EXECUTE FUNCTION delegation_graph_shrunk();

-- A heartbeat is no change to the graph.
CREATE OR REPLACE TRIGGER graph_grew AFTER INSERT ON agent_sessions
  FOR EACH ROW EXECUTE FUNCTION delegation_graph_changed();

CREATE OR REPLACE TRIGGER graph_changed AFTER UPDATE ON agent_sessions FOR EACH ROW
  WHEN (ROW (OLD.ended_at, OLD.narrowed, OLD.edge_id) IS DISTINCT FROM ROW (NEW.ended_at, NEW.narrowed, NEW.edge_id))
  EXECUTE FUNCTION delegation_graph_changed();

CREATE OR REPLACE TRIGGER graph_shrunk AFTER DELETE ON agent_sessions
  FOR EACH ROW EXECUTE FUNCTION delegation_graph_shrunk();
