import type { MigrationInterface, QueryRunner } from 'typeorm';
import { refuseToGoBack } from './refuse-to-go-back.js';

/** The `typ` of mandates for a resource. */
export class ResourceTokenTyps1795326267170 implements MigrationInterface {
  name = 'ResourceTokenTyps1795326267170';

  async up(db: QueryRunner): Promise<void> {
    // What is there has a constant, and the check looks at what comes later: no table is read.
    await db.query(`
      ALTER TABLE resources ADD COLUMN token_typ text NOT NULL DEFAULT 'at+jwt';
      ALTER TABLE resources ADD CONSTRAINT resources_token_typ
        CHECK (token_typ IN ('at+jwt', 'JWT')) NOT VALID;
      COMMENT ON COLUMN resources.token_typ IS
        'The typ of mandates for it (RFC 9068 2.1): JWT where it knows no other.';
    `);
  }

  down = refuseToGoBack;
}
