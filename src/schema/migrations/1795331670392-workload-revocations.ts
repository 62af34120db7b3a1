import type { MigrationInterface, QueryRunner } from 'typeorm';
import { refuseToGoBack } from './refuse-to-go-back.js';

/** What the revocation stream looks for: the sessions of a workload, and what else rests on something, newest first. */
export class WorkloadRevocations1795331670392 implements MigrationInterface {
  name = 'WorkloadRevocations1795331670392';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      ALTER TABLE revocation_outbox DROP CONSTRAINT revocation_outbox_kind_check;
      ALTER TABLE revocation_outbox ADD CONSTRAINT revocation_outbox_kind_check
        CHECK (kind IN ('session', 'agent_session', 'delegation', 'client', 'federated_identity'));
      COMMENT ON COLUMN revocation_outbox.kind IS
        'client, federated_identity: nothing is sent of itself, only what rests on it.';
      CREATE INDEX sessions_by_federated_identity ON ONLY sessions (zone_id, federated_identity_id, id)
        WHERE federated_identity_id IS NOT NULL;

      -- Newest first, as those of sessions and sources have been made.
      CREATE INDEX agent_sessions_by_parent_and_id ON ONLY agent_sessions (zone_id, parent_id, id)
        WHERE parent_id IS NOT NULL;
      CREATE INDEX delegation_edges_by_target_and_id ON ONLY delegation_edges (zone_id, target_id, id);
    `);
  }

  down = refuseToGoBack;
}
