import type { MigrationInterface, QueryRunner } from 'typeorm';
import { refuseToGoBack } from './refuse-to-go-back.js';

/** Versions of clients, and of all else that is set up in a zone: each changes by itself (`zones/zone-version.sql`). */
export class ClientVersions1795298400000 implements MigrationInterface {
  name = 'ClientVersions1795298400000';

  async up(db: QueryRunner): Promise<void> {
    // What is there has a constant: no table is rewritten. Triggers give the others to what comes later.
    await db.query(`
      CREATE SEQUENCE versions;
      COMMENT ON SEQUENCE versions IS 'Drawn from for each version of a client or of the settings of a zone: none comes twice.';

      ALTER TABLE zones ADD COLUMN settings_version bigint NOT NULL DEFAULT 0;
      COMMENT ON COLUMN zones.settings_version IS
        'Another one after every change to the zone or to anything in it but its clients; the ledger compares it.';
      COMMENT ON COLUMN zones.version IS
        'Grows with every change to the zone or to anything in it. Compared for processes of earlier versions only.';

      ALTER TABLE clients ADD COLUMN version bigint NOT NULL DEFAULT 0;
      COMMENT ON COLUMN clients.version IS
        'Another one after every change to the client or its secrets; the ledger compares it.';
    `);
  }

  down = refuseToGoBack;
}
