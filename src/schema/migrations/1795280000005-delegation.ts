import type { MigrationInterface, QueryRunner } from 'typeorm';
import { refuseToGoBack } from './refuse-to-go-back.js';

/**
 * Agent sessions, and the delegations between them.
 *
 * Where a session or an edge hangs never changes, so each keeps its whole way from the first one. What
 * is above may be ended at any time: nothing below is touched then, it is looked at when it is used.
 */
export class Delegation1795280000005 implements MigrationInterface {
  name = 'Delegation1795280000005';

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

      INSERT INTO tables_by_day (name, keyed_by, dropped, kept_while) VALUES
        ('agent_sessions', 'id', true, 'ended_at IS NULL AND expires_at > now()'),
        ('delegation_edges', 'id', true, 'revoked_at IS NULL AND expires_at > now()');
    `);
  }

  down = refuseToGoBack;
}
