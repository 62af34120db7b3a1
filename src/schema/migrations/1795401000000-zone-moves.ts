import type { MigrationInterface, QueryRunner } from 'typeorm';
import { placeTable } from './place-table.js';
import { refuseToGoBack } from './refuse-to-go-back.js';

/** Zones that are on their way to another installation, or from one, and the keys that they are sealed for. */
export class ZoneMoves1795401000000 implements MigrationInterface {
  name = 'ZoneMoves1795401000000';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      ALTER TABLE zones ADD COLUMN away jsonb;
      COMMENT ON COLUMN zones.away IS
        'Why the zone is not served here: it is being sent to another installation, has moved there, or is not received '
        'whole (zones/zone-away.ts). NULL: it is served here. As long as it is there nothing is added to its audit log.';
      CREATE INDEX zones_away ON zones (id) WHERE away IS NOT NULL;

      CREATE TABLE zone_receiving_keys (
        zone_id            uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
        id                 uuid NOT NULL,
        public_jwk         jsonb NOT NULL,
        sealed_private_key bytea NOT NULL,
        created_at         timestamptz NOT NULL DEFAULT now(),
        expires_at         timestamptz NOT NULL,
        PRIMARY KEY (zone_id, id)
      );
      COMMENT ON TABLE zone_receiving_keys IS
        'Keys that zones are sealed for which this installation is to receive, of no zone. One goes when it is used.';
    `);
    await placeTable(db, 'zone_receiving_keys');
  }

  down = refuseToGoBack;
}
