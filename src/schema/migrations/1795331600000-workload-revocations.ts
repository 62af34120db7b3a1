import type { MigrationInterface, QueryRunner } from 'typeorm';
import { refuseToGoBack } from './refuse-to-go-back.js';

/** Workloads that are their client no more are put into the outbox of the revocation stream, for the sessions they opened. */
export class WorkloadRevocations1795331600000 implements MigrationInterface {
  name = 'WorkloadRevocations1795331600000';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      ALTER TABLE revocation_outbox DROP CONSTRAINT revocation_outbox_kind_check;
      ALTER TABLE revocation_outbox ADD CONSTRAINT revocation_outbox_kind_check
        CHECK (kind IN ('session', 'agent_session', 'delegation', 'client', 'federated_identity')) NOT VALID;
      COMMENT ON COLUMN revocation_outbox.kind IS
        'client, federated_identity: nothing is sent of itself, only what rests on it.';

      -- What rests on a workload.
      CREATE INDEX sessions_by_federated_identity ON ONLY sessions (zone_id, federated_identity_id, id)
        WHERE federated_identity_id IS NOT NULL;
    `);
  }

  down = refuseToGoBack;
}
