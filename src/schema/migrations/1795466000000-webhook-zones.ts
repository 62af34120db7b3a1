import type { MigrationInterface, QueryRunner } from 'typeorm';
import { placeTable } from './place-table.js';
import { refuseToGoBack } from './refuse-to-go-back.js';

interface RemovedZone {
  readonly id: string;
  readonly removed_at: string;
}

/**
 * The zones that a webhook of the installation is told of are read together, so they are whole on every node of a distributed
 * database, and so is which of them are being removed. The table is made again: one that is spread over workers cannot be put
 * elsewhere while others refer to it.
 */
export class WebhookZones1795466000000 implements MigrationInterface {
  name = 'WebhookZones1795466000000';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      ALTER TABLE zone_directory ADD COLUMN removed_at timestamptz;
      COMMENT ON COLUMN zone_directory.removed_at IS 'Since when the zone is being removed.';
    `);
    // Two statements: Citus reads no table of zones while it writes one that is whole on every node.
    const removing: RemovedZone[] = await db.query(
      'SELECT id, removed_at::text FROM zones WHERE removed_at IS NOT NULL',
    );
    await db.query(
      `UPDATE zone_directory d SET removed_at = r.removed_at
         FROM unnest($1::uuid[], $2::timestamptz[]) AS r (id, removed_at) WHERE d.zone_id = r.id`,
      [removing.map(({ id }) => id), removing.map(({ removed_at }) => removed_at)],
    );
    await db.query(`
      CREATE TEMP TABLE told_zones ON COMMIT DROP AS SELECT zone_id, webhook_id FROM installation_webhook_zones;
      DROP TABLE installation_webhook_zones;
      CREATE TABLE installation_webhook_zones (
        zone_id    uuid NOT NULL,
        webhook_id uuid NOT NULL,
        PRIMARY KEY (zone_id, webhook_id)
      );
      CREATE INDEX installation_webhook_zones_by_webhook ON installation_webhook_zones (webhook_id);
    `);
    await placeTable(db, 'installation_webhook_zones');
    await db.query(`
      INSERT INTO installation_webhook_zones (zone_id, webhook_id) SELECT zone_id, webhook_id FROM told_zones;
      ALTER TABLE installation_webhook_zones
        ADD CONSTRAINT installation_webhook_zones_zone_id_fkey
          FOREIGN KEY (zone_id) REFERENCES zone_directory ON DELETE CASCADE;
      ALTER TABLE installation_webhook_zones
        ADD CONSTRAINT installation_webhook_zones_webhook_id_fkey
          FOREIGN KEY (webhook_id) REFERENCES installation_webhooks ON DELETE CASCADE;
    `);
  }

  down = refuseToGoBack;
}
