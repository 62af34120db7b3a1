import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Agent sessions, the delegations between them, and what the ledger asks of both.
 *
 * Where a session or an edge hangs never changes, so each keeps its whole way from the first one. What
 * is above may be ended at any time: nothing below is touched then, it is looked at when it is used.
 */
export class Delegation1700000000005 implements MigrationInterface {
  name = 'Delegation1700000000005';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      CREATE TABLE delegation_graphs (
        zone_id uuid PRIMARY KEY REFERENCES zones ON DELETE CASCADE,
        epoch   bigint NOT NULL DEFAULT 0
      ) WITH (fillfactor = 50);
      COMMENT ON TABLE delegation_graphs IS
        'Counts the changes to the agent sessions and delegations of a zone. Apart from zones.version, which tells snapshots that they are old. Whoever changes the graph locks the row first.';

      -- Partitioned as sessions are, and like there what may lie in a day that was dropped has no foreign key.
      CREATE TABLE agent_sessions (
        zone_id         uuid NOT NULL,
        id              uuid NOT NULL,
        client_id       uuid NOT NULL,
        session_id      uuid NOT NULL,
        root_session_id uuid NOT NULL,
        parent_id       uuid,
        path            uuid[] NOT NULL,
        depth           integer NOT NULL CHECK (depth BETWEEN 0 AND 10),
        lifecycle       text NOT NULL CHECK (lifecycle IN ('task', 'service')),
        labels          text[] NOT NULL DEFAULT '{}',
        beat_seconds    integer,
        narrowed        boolean NOT NULL DEFAULT false,
        edge_id         uuid,
        expires_at      timestamptz NOT NULL,
        ended_at        timestamptz,
        created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (zone_id, id),
        FOREIGN KEY (zone_id, client_id) REFERENCES clients ON DELETE CASCADE
      ) PARTITION BY RANGE (id);
      CREATE TABLE agent_sessions_default PARTITION OF agent_sessions DEFAULT;
      CREATE INDEX agent_sessions_by_client ON agent_sessions (zone_id, client_id, id);
      CREATE INDEX agent_sessions_by_parent ON agent_sessions (zone_id, parent_id) WHERE parent_id IS NOT NULL;
      COMMENT ON COLUMN agent_sessions.session_id IS 'The session whose mandate opened it; if that is ended, so is this.';
      COMMENT ON COLUMN agent_sessions.path IS 'All sessions from the first to itself.';
      COMMENT ON COLUMN agent_sessions.beat_seconds IS 'service: for how long a heartbeat keeps it alive.';
      COMMENT ON COLUMN agent_sessions.narrowed IS 'Whether anything was ever delegated to it or to one above it.';
      COMMENT ON COLUMN agent_sessions.edge_id IS 'The delegation to a session above it that it is confined by.';

      CREATE TABLE delegation_edges (
        zone_id            uuid NOT NULL,
        id                 uuid NOT NULL,
        source_id          uuid NOT NULL,
        target_id          uuid NOT NULL,
        issuer_client_id   uuid NOT NULL,
        receiver_client_id uuid NOT NULL,
        parent_edge_id     uuid,
        edge_path          uuid[] NOT NULL,
        path               uuid[] NOT NULL,
        sessions           uuid[] NOT NULL,
        hop_count          integer NOT NULL CHECK (hop_count BETWEEN 1 AND 10),
        scopes             text[] NOT NULL,
        resource           text,
        constraints        jsonb NOT NULL,
        remaining          bigint CHECK (remaining >= 0),
        expires_at         timestamptz NOT NULL,
        version            bigint NOT NULL DEFAULT 1,
        accepted_at        timestamptz,
        revoked_at         timestamptz,
        created_at         timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (zone_id, id),
        FOREIGN KEY (zone_id, issuer_client_id) REFERENCES clients ON DELETE CASCADE,
        FOREIGN KEY (zone_id, receiver_client_id) REFERENCES clients ON DELETE CASCADE
      ) PARTITION BY RANGE (id);
      CREATE TABLE delegation_edges_default PARTITION OF delegation_edges DEFAULT;
      CREATE INDEX delegation_edges_by_target ON delegation_edges (zone_id, target_id);
      CREATE INDEX delegation_edges_by_issuer ON delegation_edges (zone_id, issuer_client_id);
      CREATE INDEX delegation_edges_by_receiver ON delegation_edges (zone_id, receiver_client_id);
      COMMENT ON COLUMN delegation_edges.edge_path IS 'All edges from the first to itself.';
      COMMENT ON COLUMN delegation_edges.path IS 'The agent sessions that the authority went through.';
      COMMENT ON COLUMN delegation_edges.sessions IS 'All agent sessions that must be alive: those of the path and those above them.';
      COMMENT ON COLUMN delegation_edges.constraints IS 'What it comes to, with what it has from its parent.';
      COMMENT ON COLUMN delegation_edges.remaining IS 'How many exchanges are left of constraints.budget.';
    `);

    await db.query(`
      CREATE FUNCTION delegation_edge_version_grows() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        NEW.version := OLD.version + 1;
        RETURN NEW;
      END $$;

      CREATE FUNCTION delegation_graph_changed() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        INSERT INTO delegation_graphs AS g (zone_id, epoch) VALUES (NEW.zone_id, 1)
          ON CONFLICT (zone_id) DO UPDATE SET epoch = g.epoch + 1;
        RETURN NULL;
      END $$;

      -- What goes with its zone has no graph any more.
      CREATE FUNCTION delegation_graph_shrunk() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        UPDATE delegation_graphs SET epoch = epoch + 1 WHERE zone_id = OLD.zone_id;
        RETURN NULL;
      END $$;

      -- Exchanges draw on the budget; everything else makes it another edge.
      CREATE TRIGGER version_grows BEFORE UPDATE ON delegation_edges FOR EACH ROW
        WHEN (ROW (OLD.scopes, OLD.resource, OLD.constraints, OLD.expires_at, OLD.accepted_at, OLD.revoked_at,
                   OLD.edge_path, OLD.path, OLD.sessions)
              IS DISTINCT FROM
              ROW (NEW.scopes, NEW.resource, NEW.constraints, NEW.expires_at, NEW.accepted_at, NEW.revoked_at,
                   NEW.edge_path, NEW.path, NEW.sessions))
        EXECUTE FUNCTION delegation_edge_version_grows();
      CREATE TRIGGER graph_grew AFTER INSERT ON delegation_edges
        FOR EACH ROW EXECUTE FUNCTION delegation_graph_changed();
      CREATE TRIGGER graph_changed AFTER UPDATE ON delegation_edges FOR EACH ROW
        WHEN (OLD.version IS DISTINCT FROM NEW.version) EXECUTE FUNCTION delegation_graph_changed();
      CREATE TRIGGER graph_shrunk AFTER DELETE ON delegation_edges
        FOR EACH ROW EXECUTE FUNCTION delegation_graph_shrunk();

      -- A heartbeat is no change to the graph.
      CREATE TRIGGER graph_grew AFTER INSERT ON agent_sessions
        FOR EACH ROW EXECUTE FUNCTION delegation_graph_changed();
      CREATE TRIGGER graph_changed AFTER UPDATE ON agent_sessions FOR EACH ROW
        WHEN (ROW (OLD.ended_at, OLD.narrowed, OLD.edge_id) IS DISTINCT FROM ROW (NEW.ended_at, NEW.narrowed, NEW.edge_id))
        EXECUTE FUNCTION delegation_graph_changed();
      CREATE TRIGGER graph_shrunk AFTER DELETE ON agent_sessions
        FOR EACH ROW EXECUTE FUNCTION delegation_graph_shrunk();
    `);

    await db.query(`
      -- Whether one agent session is alive by itself. The session that opened it may have expired
      -- since, but must not have been ended.
      CREATE FUNCTION agent_session_alive(a agent_sessions) RETURNS boolean LANGUAGE sql AS $$
        SELECT a.ended_at IS NULL AND a.expires_at > clock_timestamp()
           AND NOT EXISTS (SELECT 1 FROM sessions s
                            WHERE s.zone_id = a.zone_id AND s.id IN (a.session_id, a.root_session_id)
                              AND s.ended_at IS NOT NULL)
      $$;

      CREATE FUNCTION agent_sessions_alive(p_zone uuid, p_ids uuid[]) RETURNS boolean LANGUAGE sql AS $$
        SELECT NOT EXISTS (
          SELECT 1 FROM unnest(p_ids) AS wanted (id)
           WHERE NOT EXISTS (SELECT 1 FROM agent_sessions a
                              WHERE a.zone_id = p_zone AND a.id = wanted.id AND agent_session_alive(a)))
      $$;

      CREATE FUNCTION delegation_edge_alive(e delegation_edges) RETURNS boolean LANGUAGE sql AS $$
        SELECT e.accepted_at IS NOT NULL AND e.revoked_at IS NULL AND e.expires_at > clock_timestamp()
      $$;

      -- The fact agent_session_live: it and all above it.
      CREATE FUNCTION agent_session_live(p_zone uuid, p_id uuid) RETURNS boolean LANGUAGE sql AS $$
        SELECT coalesce((SELECT agent_sessions_alive(p_zone, a.path) FROM agent_sessions a
                          WHERE a.zone_id = p_zone AND a.id = p_id), false)
      $$;

      -- The fact delegation_live: every edge and every session on the way to it.
      -- p_versions: the edges as they were evaluated, by id; null if that is not known.
      CREATE FUNCTION delegation_live(p_zone uuid, p_id uuid, p_versions jsonb) RETURNS boolean LANGUAGE sql AS $$
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
      CREATE FUNCTION delegation_unspent(p_zone uuid, p_id uuid) RETURNS boolean LANGUAGE sql AS $$
        SELECT NOT EXISTS (
          SELECT 1 FROM delegation_edges e JOIN delegation_edges d ON d.zone_id = p_zone AND d.id = ANY (e.edge_path)
           WHERE e.zone_id = p_zone AND e.id = p_id AND d.remaining = 0)
      $$;

      -- Draws one exchange on every budget on the way to an edge.
      CREATE FUNCTION delegation_draw(p_zone uuid, p_id uuid) RETURNS void LANGUAGE sql AS $$
        UPDATE delegation_edges d SET remaining = d.remaining - 1
         WHERE d.zone_id = p_zone AND d.remaining IS NOT NULL
           AND d.id IN (SELECT unnest(e.edge_path) FROM delegation_edges e WHERE e.zone_id = p_zone AND e.id = p_id)
      $$;

      -- Locks the budgets that a batch may draw on, in one order for all writers: batches that took
      -- them as they come would wait for each other.
      CREATE FUNCTION delegation_lock(p_entries jsonb) RETURNS void LANGUAGE plpgsql AS $$
      BEGIN
        PERFORM 1 FROM delegation_edges d
          WHERE d.remaining IS NOT NULL AND (d.zone_id, d.id) IN (
            SELECT e.zone_id, unnest(e.edge_path)
              FROM jsonb_array_elements(p_entries) AS entry, jsonb_array_elements(entry->'facts') AS fact
              JOIN delegation_edges e ON e.id = (fact->>'id')::uuid
             WHERE fact->>'kind' = 'delegation_unspent' AND e.zone_id = (entry->>'zone_id')::uuid)
          ORDER BY d.zone_id, d.id FOR NO KEY UPDATE;
      END $$;

      SELECT ledger_maintain();
    `);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`
      DROP FUNCTION delegation_lock, delegation_draw, delegation_unspent, delegation_live, agent_session_live,
        delegation_edge_alive, agent_sessions_alive, agent_session_alive;
      DROP TABLE delegation_edges, agent_sessions, delegation_graphs;
      DROP FUNCTION delegation_graph_shrunk, delegation_graph_changed, delegation_edge_version_grows;
    `);
  }
}
