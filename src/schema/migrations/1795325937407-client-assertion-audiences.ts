import type { MigrationInterface, QueryRunner } from 'typeorm';
import { refuseToGoBack } from './refuse-to-go-back.js';

/** Whom the assertions of a client are for: our issuer, or our token endpoint. */
export class ClientAssertionAudiences1795325937407 implements MigrationInterface {
  name = 'ClientAssertionAudiences1795325937407';

  async up(db: QueryRunner): Promise<void> {
    // What is there has a constant, and the check looks at what comes later: no table is read.
    await db.query(`
      ALTER TABLE clients ADD COLUMN assertion_audience text NOT NULL DEFAULT 'issuer';
      ALTER TABLE clients ADD CONSTRAINT clients_assertion_audience
        CHECK (assertion_audience IN ('issuer', 'token_endpoint')) NOT VALID;
      COMMENT ON COLUMN clients.assertion_audience IS
        'What the aud of its assertions must be (RFC 10070): the issuer, or the token endpoint where the client cannot say that.';
    `);
  }

  down = refuseToGoBack;
}
