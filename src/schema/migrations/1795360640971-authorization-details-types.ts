import type { MigrationInterface, QueryRunner } from 'typeorm';
import { refuseToGoBack } from './refuse-to-go-back.js';

/** The types of authorization details that resources declare (RFC 9396 9). */
export class AuthorizationDetailsTypes1795360640971 implements MigrationInterface {
  name = 'AuthorizationDetailsTypes1795360640971';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      ALTER TABLE resources ADD COLUMN authorization_details_types jsonb NOT NULL DEFAULT '[]';
      COMMENT ON COLUMN resources.authorization_details_types IS
        'What can be granted for it beside scopes (RFC 9396): [{"type", "display", "scope", "members"}].';
    `);
  }

  down = refuseToGoBack;
}
