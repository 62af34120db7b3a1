import type { MigrationInterface, QueryRunner } from 'typeorm';
import { refuseToGoBack } from './refuse-to-go-back.js';

/** Of which order an event for receivers of shared signals is, so that the order can say who has it. */
export class SignalsOfOrders1795350100000 implements MigrationInterface {
  name = 'SignalsOfOrders1795350100000';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      ALTER TABLE ssf_outbox ADD COLUMN order_id uuid;
      ALTER TABLE ssf_deliveries ADD COLUMN order_id uuid;
      COMMENT ON COLUMN ssf_deliveries.order_id IS 'The order with which it happened; null if it was none.';
    `);
  }

  down = refuseToGoBack;
}
