import type { MigrationInterface, QueryRunner } from 'typeorm';
import { refuseToGoBack } from './refuse-to-go-back.js';

/** Indexes by which the revocation stream finds what rests on an agent session, newest first, in a zone with very many. */
export class RevocationReads1795331670392 implements MigrationInterface {
  name = 'RevocationReads1795331670392';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      CREATE INDEX agent_sessions_by_parent_and_id ON ONLY agent_sessions (zone_id, parent_id, id)
        WHERE parent_id IS NOT NULL;
      CREATE INDEX delegation_edges_by_target_and_id ON ONLY delegation_edges (zone_id, target_id, id);
    `);
  }

  down = refuseToGoBack;
}
