import type { MigrationInterface, QueryRunner } from 'typeorm';
import { refuseToGoBack } from './refuse-to-go-back.js';

/** What the revocation stream needs of workloads that are taken from their clients: their sessions, newest first. */
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
    `);
  }

  down = refuseToGoBack;
}
