import type { MigrationInterface, QueryRunner } from 'typeorm';
import { refuseToGoBack } from './refuse-to-go-back.js';

/** Codes on paper with which a person confirms who has lost what that is done with otherwise. */
export class RecoveryCodes1795351641134 implements MigrationInterface {
  name = 'RecoveryCodes1795351641134';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      ALTER TABLE authenticators ADD COLUMN recovery_digests bytea[];
      COMMENT ON COLUMN authenticators.recovery_digests IS 'recovery_code: SHA-256 of each code that is left.';
    `);
  }

  down = refuseToGoBack;
}
