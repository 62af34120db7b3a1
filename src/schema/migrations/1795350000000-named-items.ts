import type { MigrationInterface, QueryRunner } from 'typeorm';
import { refuseToGoBack } from './refuse-to-go-back.js';

/**
 * What the items of the revocation feed name, where that is a mandate, a session, an agent session or a delegation: the
 * digest by which they are told cannot be looked for. Status lists are made from what was taken back since they were last.
 */
export class NamedItems1795350000000 implements MigrationInterface {
  name = 'NamedItems1795350000000';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      ALTER TABLE revocation_notices ADD COLUMN named_id uuid;
      ALTER TABLE revocation_feed ADD COLUMN named_id uuid;
      COMMENT ON COLUMN revocation_feed.named_id IS
        'The id of a mandate, session, agent session or delegation; null for what has none, and for items of before. Told to nobody.';
    `);
  }

  down = refuseToGoBack;
}
