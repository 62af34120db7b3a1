import type { MigrationInterface, QueryRunner } from 'typeorm';
import { placeTable } from './place-table.js';
import { refuseToGoBack } from './refuse-to-go-back.js';

interface RemovedZone {
  readonly id: string;
  readonly removed_at: string;
}

interface ToldZone {
  readonly zone_id: string;
  readonly webhook_id: string;
}

/**
 * The zones that a webhook of the installation is told of are read together, so they are whole on every node of a distributed
 * database, and so is which of them are being removed. The table is made again: one that is spread over workers cannot be put
 * elsewhere while others refer to it.
 */
export class WebhookZones1795466000000 implements MigrationInterface {
  name = 'WebhookZones1795466000000';

  /** One statement at a time: Citus sends what changes a table to each node as it came. */
  async up(db: QueryRunner): Promise<void> {
    await db.query('ALTER TABLE zone_directory ADD COLUMN removed_at timestamptz');
    await db.query(
      `COMMENT ON COLUMN zone_directory.removed_at IS 'Since when the zone is being removed.'`,
    );
    // Citus reads no table of zones while it writes one that is whole on every node.
    const removing: RemovedZone[] = await db.query(
      'SELECT id, removed_at::text FROM zones WHERE removed_at IS NOT NULL',
    );
    for (const { id, removed_at } of removing) {
      // oxlint-disable-next-line no-await-in-loop -- they are few, and one connection
      await db.query('UPDATE zone_directory SET removed_at = $2::timestamptz WHERE zone_id = $1', [
        id,
        removed_at,
      ]);
    }
    const told: ToldZone[] = await db.query(
      'SELECT zone_id, webhook_id FROM installation_webhook_zones',
    );
    await db.query('DROP TABLE installation_webhook_zones');
    await db.query(`
      CREATE TABLE installation_webhook_zones (
        zone_id    uuid NOT NULL,
        webhook_id uuid NOT NULL,
        PRIMARY KEY (zone_id, webhook_id)
      )`);
    await db.query(
      'CREATE INDEX installation_webhook_zones_by_webhook ON installation_webhook_zones (webhook_id)',
    );
    await placeTable(db, 'installation_webhook_zones');
    await db.query(
      `INSERT INTO installation_webhook_zones (zone_id, webhook_id)
       SELECT zone_id, webhook_id FROM unnest($1::uuid[], $2::uuid[]) AS told (zone_id, webhook_id)`,
      [told.map(({ zone_id }) => zone_id), told.map(({ webhook_id }) => webhook_id)],
    );
    await db.query(`
      ALTER TABLE installation_webhook_zones
        ADD CONSTRAINT installation_webhook_zones_zone_id_fkey
          FOREIGN KEY (zone_id) REFERENCES zone_directory ON DELETE CASCADE`);
    await db.query(`
      ALTER TABLE installation_webhook_zones
        ADD CONSTRAINT installation_webhook_zones_webhook_id_fkey
          FOREIGN KEY (webhook_id) REFERENCES installation_webhooks ON DELETE CASCADE`);
  }

  down = refuseToGoBack;
}
