import type { MigrationInterface, QueryRunner } from 'typeorm';
import { refuseToGoBack } from './refuse-to-go-back.js';

/** What pages of a zone show beside the name of its organisation. */
export class ZoneLogos1795362563010 implements MigrationInterface {
  name = 'ZoneLogos1795362563010';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      ALTER TABLE zones ADD COLUMN logo_digest text;
      COMMENT ON COLUMN zones.logo_digest IS 'SHA-256 of its logo, in base64url; null for none.';
      -- Apart from zones, whose rows are read often.
      CREATE TABLE zone_logos (
        zone_id uuid PRIMARY KEY REFERENCES zones ON DELETE CASCADE,
        digest  text NOT NULL,
        content bytea NOT NULL
      );
      CREATE INDEX zone_logos_by_digest ON zone_logos (digest);
      COMMENT ON COLUMN zone_logos.content IS 'A PNG image.';
    `);
  }

  down = refuseToGoBack;
}
