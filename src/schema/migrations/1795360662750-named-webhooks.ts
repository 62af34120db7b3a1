import type { MigrationInterface, QueryRunner } from 'typeorm';
import { refuseToGoBack } from './refuse-to-go-back.js';

/** Names of webhooks, how often they have failed in a row, and when what is to be told them was put up again. */
export class NamedWebhooks1795360662750 implements MigrationInterface {
  name = 'NamedWebhooks1795360662750';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      ALTER TABLE webhooks
        ADD COLUMN name          text,
        ADD COLUMN failure_count integer NOT NULL DEFAULT 0,
        ADD COLUMN updated_at    timestamptz NOT NULL DEFAULT now();
      CREATE UNIQUE INDEX webhooks_name ON webhooks (zone_id, name);
      COMMENT ON COLUMN webhooks.failure_count IS 'Attempts that have failed since the last that has not.';

      ALTER TABLE webhook_deliveries ADD COLUMN restarted_at timestamptz;
      COMMENT ON COLUMN webhook_deliveries.restarted_at IS
        'When it was put up again that had been delivered or given up; its time begins anew with that.';
    `);
  }

  down = refuseToGoBack;
}
