import type { MigrationInterface, QueryRunner } from 'typeorm';
import { refuseToGoBack } from './refuse-to-go-back.js';

/** The algorithm that signs introspection answers for a client (RFC 9701 6). */
export class SignedIntrospection1795350200000 implements MigrationInterface {
  name = 'SignedIntrospection1795350200000';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      ALTER TABLE clients ADD COLUMN introspection_signed_response_alg text;
      COMMENT ON COLUMN clients.introspection_signed_response_alg IS
        'What its introspection answers are signed with unless it asks for JSON (RFC 9701 6); null: it gets JSON.';
    `);
  }

  down = refuseToGoBack;
}
