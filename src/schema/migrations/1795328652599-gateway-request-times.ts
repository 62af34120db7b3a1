import type { MigrationInterface, QueryRunner } from 'typeorm';
import { refuseToGoBack } from './refuse-to-go-back.js';

/** When a gateway has signed a request: its id may come again when that signature cannot be replayed any more. */
export class GatewayRequestTimes1795328652599 implements MigrationInterface {
  name = 'GatewayRequestTimes1795328652599';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      ALTER TABLE spent_nonces ADD COLUMN signed_at bigint;
      COMMENT ON COLUMN spent_nonces.signed_at IS
        'The timestamp that was signed last with it, in seconds since the epoch, if it may come again. Null: it is spent for good.';
    `);
  }

  down = refuseToGoBack;
}
