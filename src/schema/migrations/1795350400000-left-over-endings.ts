import type { MigrationInterface, QueryRunner } from 'typeorm';
import { refuseToGoBack } from './refuse-to-go-back.js';

/** Rows that somebody holds are no reason for an order to wait: they are ended when the others have been. */
export class LeftOverEndings1795350400000 implements MigrationInterface {
  name = 'LeftOverEndings1795350400000';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      ALTER TABLE revocation_endings ADD COLUMN left_over boolean NOT NULL DEFAULT false;
      COMMENT ON COLUMN revocation_endings.left_over IS
        'Rows were left because somebody held them: they are looked for again from the first stage on.';
    `);
  }

  down = refuseToGoBack;
}
