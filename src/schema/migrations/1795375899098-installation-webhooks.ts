import type { MigrationInterface, QueryRunner } from 'typeorm';
import { refuseToGoBack } from './refuse-to-go-back.js';

/** Webhooks of the installation, which are told what happens in several zones, or in all. */
export class InstallationWebhooks1795375899098 implements MigrationInterface {
  name = 'InstallationWebhooks1795375899098';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      CREATE TABLE installation_webhooks (
        id                     uuid PRIMARY KEY,
        zone_id                uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000'
                                 CHECK (zone_id = '00000000-0000-0000-0000-000000000000'),
        name                   text,
        url                    text NOT NULL,
        events                 text[] NOT NULL DEFAULT '{}',
        all_zones              boolean NOT NULL,
        sealed_secret          bytea NOT NULL,
        sealed_previous_secret bytea,
        previous_until         timestamptz,
        disabled_at            timestamptz,
        removed_at             timestamptz,
        failure_count          integer NOT NULL DEFAULT 0,
        created_at             timestamptz NOT NULL DEFAULT now(),
        updated_at             timestamptz NOT NULL DEFAULT now()
      );
      CREATE UNIQUE INDEX installation_webhooks_name ON installation_webhooks (name) WHERE removed_at IS NULL;
      COMMENT ON TABLE installation_webhooks IS
        'Webhooks that are told of several zones. zone_id: all zeroes, of no zone, which their secrets are sealed for.';
      COMMENT ON COLUMN installation_webhooks.all_zones IS
        'Whether it is told of all zones, those of tomorrow too; else of those in installation_webhook_zones.';
      COMMENT ON COLUMN installation_webhooks.removed_at IS
        'When operators removed it. The row goes when nothing is left that it was to be told, so that nobody waits for it.';

      CREATE TABLE installation_webhook_zones (
        zone_id    uuid NOT NULL REFERENCES zones ON DELETE CASCADE,
        webhook_id uuid NOT NULL REFERENCES installation_webhooks ON DELETE CASCADE,
        PRIMARY KEY (zone_id, webhook_id)
      );
      CREATE INDEX installation_webhook_zones_by_webhook ON installation_webhook_zones (webhook_id);

      ALTER TABLE webhook_deliveries ALTER COLUMN webhook_id DROP NOT NULL;
      ALTER TABLE webhook_deliveries
        ADD COLUMN installation_webhook_id uuid REFERENCES installation_webhooks ON DELETE CASCADE;
      ALTER TABLE webhook_deliveries ADD CONSTRAINT webhook_deliveries_of_one
        CHECK (num_nonnulls(webhook_id, installation_webhook_id) = 1) NOT VALID;
      COMMENT ON COLUMN webhook_deliveries.installation_webhook_id IS
        'The webhook of the installation that it is for; null for one of the zone.';

      CREATE INDEX webhook_deliveries_by_installation ON ONLY webhook_deliveries (installation_webhook_id, id)
        WHERE installation_webhook_id IS NOT NULL;
      CREATE INDEX webhook_deliveries_in_turn
        ON ONLY webhook_deliveries (zone_id, coalesce(webhook_id, installation_webhook_id), due_at)
        WHERE delivered_at IS NULL AND dead_at IS NULL;
    `);
  }

  down = refuseToGoBack;
}
