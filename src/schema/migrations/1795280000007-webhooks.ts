import type { MigrationInterface, QueryRunner } from 'typeorm';
import { refuseToGoBack } from './refuse-to-go-back.js';

/** Webhooks, and the outbox of what is to be sent to them. */
export class Webhooks1795280000007 implements MigrationInterface {
  name = 'Webhooks1795280000007';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      CREATE TABLE webhooks (
        zone_id                uuid NOT NULL REFERENCES zones ON DELETE CASCADE,
        id                     uuid NOT NULL,
        url                    text NOT NULL,
        events                 text[] NOT NULL DEFAULT '{}',
        sealed_secret          bytea NOT NULL,
        sealed_previous_secret bytea,
        previous_until         timestamptz,
        disabled_at            timestamptz,
        created_at             timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (zone_id, id)
      );
      COMMENT ON COLUMN webhooks.events IS 'The types of event that are sent; all if empty.';
      COMMENT ON COLUMN webhooks.previous_until IS 'Until then the previous secret signs, too.';

      CREATE TABLE webhook_deliveries (
        zone_id      uuid NOT NULL,
        id           uuid NOT NULL,
        webhook_id   uuid NOT NULL,
        event_type   text NOT NULL,
        payload      jsonb NOT NULL,
        attempts     integer NOT NULL DEFAULT 0,
        due_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
        last_error   text,
        delivered_at timestamptz,
        dead_at      timestamptz,
        created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (zone_id, id),
        FOREIGN KEY (zone_id, webhook_id) REFERENCES webhooks ON DELETE CASCADE
      ) PARTITION BY RANGE (id);
      CREATE TABLE webhook_deliveries_default PARTITION OF webhook_deliveries DEFAULT;
      CREATE INDEX webhook_deliveries_due ON webhook_deliveries (due_at)
        WHERE delivered_at IS NULL AND dead_at IS NULL;
      CREATE INDEX webhook_deliveries_by_webhook ON webhook_deliveries (zone_id, webhook_id, id);
      COMMENT ON COLUMN webhook_deliveries.due_at IS
        'When it is to be sent next. Whoever sends it moves this on first, so that somebody else does if it dies.';

      INSERT INTO tables_by_day (name, keyed_by, dropped, kept_while)
      VALUES ('webhook_deliveries', 'id', true, 'delivered_at IS NULL AND dead_at IS NULL');
    `);
  }

  down = refuseToGoBack;
}
