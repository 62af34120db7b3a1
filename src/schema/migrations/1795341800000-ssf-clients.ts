import type { MigrationInterface, QueryRunner } from 'typeorm';
import { refuseToGoBack } from './refuse-to-go-back.js';

/** Clients may be receivers of shared signals. */
export class SsfClients1795341800000 implements MigrationInterface {
  name = 'SsfClients1795341800000';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      ALTER TABLE clients ADD COLUMN ssf boolean NOT NULL DEFAULT false;
      COMMENT ON COLUMN clients.ssf IS
        'Whether it may receive shared signals of the zone (OpenID SSF 1.0): then the system resource for that is there for it.';
    `);
  }

  down = refuseToGoBack;
}
