import type { MigrationInterface, QueryRunner } from 'typeorm';
import { refuseToGoBack } from './refuse-to-go-back.js';

/** Which languages the pages of a zone speak. */
export class ZoneLanguages1795373400000 implements MigrationInterface {
  name = 'ZoneLanguages1795373400000';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      ALTER TABLE zones ADD COLUMN languages text[];
      COMMENT ON COLUMN zones.languages IS 'Those of its pages for people (BCP 47), the preferred one first; null for English.';
    `);
  }

  down = refuseToGoBack;
}
