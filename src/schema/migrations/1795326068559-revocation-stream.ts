import type { MigrationInterface, QueryRunner } from 'typeorm';
import { refuseToGoBack } from './refuse-to-go-back.js';

/**
 * The outbox of the revocation stream: what has ended and gateways are still to be told of. Rows go when they are sent,
 * so the table is as large as what waits, and is not partitioned.
 */
export class RevocationStream1795326068559 implements MigrationInterface {
  name = 'RevocationStream1795326068559';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      CREATE TABLE revocation_stream (
        name         text PRIMARY KEY,
        wanted_until timestamptz NOT NULL
      );
      COMMENT ON TABLE revocation_stream IS
        'Whether what ends is put into revocation_outbox: as long as replicas that send it say so.';

      -- No foreign key to zones: what ends with its zone is sent when that is gone.
      CREATE TABLE revocation_outbox (
        zone_id     uuid NOT NULL,
        id          uuid NOT NULL,
        kind        text NOT NULL CHECK (kind IN ('session', 'agent_session', 'delegation', 'client')),
        ended_id    uuid NOT NULL,
        below_until uuid,
        created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (zone_id, id)
      );
      CREATE INDEX revocation_outbox_by_age ON revocation_outbox (created_at);
      COMMENT ON TABLE revocation_outbox IS 'What has ended and is still to be sent, oldest first in each zone.';
      COMMENT ON COLUMN revocation_outbox.kind IS 'client: nothing is sent of itself, only what rests on it.';
      COMMENT ON COLUMN revocation_outbox.below_until IS
        'It was sent, and so was what rests on it down to this id; null if it was not.';

      -- What rests on a session, an agent session or a delegation.
      CREATE INDEX agent_sessions_by_session ON ONLY agent_sessions (zone_id, session_id, id);
      CREATE INDEX agent_sessions_by_root ON ONLY agent_sessions (zone_id, root_session_id, id)
        WHERE root_session_id <> session_id;
      CREATE INDEX delegation_edges_by_source ON ONLY delegation_edges (zone_id, source_id, id);
      CREATE INDEX delegation_edges_by_parent ON ONLY delegation_edges (zone_id, parent_edge_id, id)
        WHERE parent_edge_id IS NOT NULL;
    `);
  }

  down = refuseToGoBack;
}
