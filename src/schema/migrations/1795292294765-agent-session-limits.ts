import type { MigrationInterface, QueryRunner } from 'typeorm';
import { refuseToGoBack } from './refuse-to-go-back.js';

/** An index of the agent sessions of a client that are alive: how many it may have is looked at before it opens one more. */
export class AgentSessionLimits1795292294765 implements MigrationInterface {
  name = 'AgentSessionLimits1795292294765';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      CREATE INDEX agent_sessions_open_by_client ON ONLY agent_sessions (zone_id, client_id, expires_at)
        WHERE ended_at IS NULL;
    `);
  }

  down = refuseToGoBack;
}
