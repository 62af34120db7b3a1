import type { MigrationInterface, QueryRunner } from 'typeorm';
import { refuseToGoBack } from './refuse-to-go-back.js';

/**
 * The directory of zones: their names and issuers, of which no two may be alike, in a table that is whole on every node of a
 * distributed database (`distribution/placements.ts`). What is unique, and what the installation says of a zone, is there from
 * now on, under the names that it had.
 */
export class ZoneDirectory1795395200000 implements MigrationInterface {
  name = 'ZoneDirectory1795395200000';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      LOCK TABLE zones IN ACCESS EXCLUSIVE MODE;
      ALTER TABLE zones DROP CONSTRAINT zones_name_key, DROP CONSTRAINT zones_issuer_url_key;
      CREATE INDEX zones_by_name ON zones (name);
      CREATE TABLE zone_directory (
        zone_id    uuid PRIMARY KEY,
        name       text NOT NULL,
        issuer_url text,
        CONSTRAINT zones_name_key UNIQUE (name),
        CONSTRAINT zones_issuer_url_key UNIQUE (issuer_url)
      );
      COMMENT ON TABLE zone_directory IS
        'Names and issuers of zones, on every node of a distributed database. Whoever writes a zone writes it here first.';
      INSERT INTO zone_directory (zone_id, name, issuer_url) SELECT id, name, issuer_url FROM zones;

      -- Processes of the version before write zones alone.
      CREATE FUNCTION zone_is_listed() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        INSERT INTO zone_directory (zone_id, name, issuer_url) VALUES (NEW.id, NEW.name, NEW.issuer_url)
          ON CONFLICT (zone_id) DO NOTHING;
        RETURN NEW;
      END $$;
      CREATE FUNCTION zone_listing_follows() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF TG_OP = 'DELETE' THEN
          DELETE FROM zone_directory d WHERE d.zone_id = OLD.id;
        ELSE
          UPDATE zone_directory d SET name = NEW.name, issuer_url = NEW.issuer_url WHERE d.zone_id = NEW.id;
        END IF;
        RETURN NULL;
      END $$;
      CREATE TRIGGER zone_is_listed BEFORE INSERT ON zones FOR EACH ROW EXECUTE FUNCTION zone_is_listed();
      CREATE TRIGGER zone_listing_follows AFTER UPDATE OF name, issuer_url OR DELETE ON zones
        FOR EACH ROW EXECUTE FUNCTION zone_listing_follows();

      ALTER TABLE zones ADD CONSTRAINT zones_id_fkey FOREIGN KEY (id) REFERENCES zone_directory;
      ALTER TABLE administration DROP CONSTRAINT administration_control_zone_id_fkey,
        ADD CONSTRAINT administration_control_zone_id_fkey
          FOREIGN KEY (control_zone_id) REFERENCES zone_directory ON DELETE RESTRICT;
      ALTER TABLE outbound_policies DROP CONSTRAINT outbound_policies_zone_id_fkey,
        ADD CONSTRAINT outbound_policies_zone_id_fkey
          FOREIGN KEY (zone_id) REFERENCES zone_directory ON DELETE CASCADE;

      -- A sequence that triggers use is on every node if a column of a table of zones has it.
      ALTER TABLE zones ALTER COLUMN settings_version SET DEFAULT nextval('versions');
      ALTER TABLE revocation_feed ALTER COLUMN position SET DEFAULT nextval('revocation_feed_positions');
    `);
  }

  down = refuseToGoBack;
}
