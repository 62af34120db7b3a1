import type { MigrationInterface, QueryRunner } from 'typeorm';
import { refuseToGoBack } from './refuse-to-go-back.js';

/**
 * Orders to take something back are found by what they took back, and by the key of the request that made them; and rows
 * that are dead by an order are ended bit by bit.
 */
export class RevocationEndings1795346000000 implements MigrationInterface {
  name = 'RevocationEndings1795346000000';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      ALTER TABLE revocation_orders
        ADD COLUMN target_key bytea,
        ADD COLUMN idempotency_key bytea,
        ADD COLUMN idempotency_request bytea;
      COMMENT ON COLUMN revocation_orders.target_key IS 'SHA-256 of the target.';
      CREATE INDEX revocation_orders_by_target ON revocation_orders (zone_id, target_key, id);
      CREATE INDEX revocation_orders_by_idempotency_key ON revocation_orders (zone_id, idempotency_key)
        WHERE idempotency_key IS NOT NULL;

      CREATE TABLE revocation_endings (
        zone_id    uuid NOT NULL,
        order_id   uuid NOT NULL,
        kind       text NOT NULL CHECK (kind IN ('client', 'subject', 'issuer', 'zone')),
        name       text NOT NULL,
        issuer     text,
        generation integer NOT NULL,
        stage      text NOT NULL DEFAULT 'agent_sessions'
                   CHECK (stage IN ('agent_sessions', 'sessions', 'delegations')),
        before     uuid NOT NULL DEFAULT 'ffffffff-ffff-ffff-ffff-ffffffffffff',
        ended      bigint NOT NULL DEFAULT 0,
        touched_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (zone_id, order_id),
        FOREIGN KEY (zone_id, order_id) REFERENCES revocation_orders ON DELETE CASCADE
      );
      COMMENT ON TABLE revocation_endings IS
        'Orders whose sessions, agent sessions and delegations, which are dead by their generation, are still being marked as ended.';
      COMMENT ON COLUMN revocation_endings.before IS 'Of the rows of the stage, those with smaller ids are still to be looked at.';
    `);
  }

  down = refuseToGoBack;
}
