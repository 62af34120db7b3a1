import type { MigrationInterface, QueryRunner } from 'typeorm';
import { refuseToGoBack } from './refuse-to-go-back.js';

/** Which event each hash chain ends with, so that its head can go when the day of that event has gone. */
export class AuditChainEnds1795294319836 implements MigrationInterface {
  name = 'AuditChainEnds1795294319836';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      ALTER TABLE audit_chains ADD COLUMN last_event_id uuid;
      COMMENT ON COLUMN audit_chains.last_event_id IS
        'Null for a chain that ended before this was kept, which stays.';
    `);
  }

  down = refuseToGoBack;
}
