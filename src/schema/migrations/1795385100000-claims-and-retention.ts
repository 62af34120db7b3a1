import type { MigrationInterface, QueryRunner } from 'typeorm';
import { refuseToGoBack } from './refuse-to-go-back.js';

/** Claims that scopes let into mandates, and how long a zone's audit log is kept at least. */
export class ClaimsAndRetention1795385100000 implements MigrationInterface {
  name = 'ClaimsAndRetention1795385100000';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      ALTER TABLE scopes ADD COLUMN claims text[] NOT NULL DEFAULT '{}';
      COMMENT ON COLUMN scopes.claims IS 'The claims of a user that it lets into mandates.';

      ALTER TABLE zones ADD COLUMN retention_days integer CHECK (retention_days BETWEEN 1 AND 36500);
      COMMENT ON COLUMN zones.retention_days IS
        'Whole days for which its audit log is kept at least; NULL: as long as that of the installation.';
    `);
  }

  down = refuseToGoBack;
}
