import type { MigrationInterface, QueryRunner } from 'typeorm';
import { refuseToGoBack } from './refuse-to-go-back.js';

/** The version of an agent session, as delegations have one, so that what was read of it can be compared. */
export class AgentSessionVersions1795314698379 implements MigrationInterface {
  name = 'AgentSessionVersions1795314698379';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      ALTER TABLE agent_sessions ADD COLUMN version bigint NOT NULL DEFAULT 1;
      COMMENT ON COLUMN agent_sessions.version IS
        'Grows with every change of it but heartbeats, and with every delegation that comes to lead to it.';
    `);
  }

  down = refuseToGoBack;
}
