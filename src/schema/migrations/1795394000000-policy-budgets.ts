import type { MigrationInterface, QueryRunner } from 'typeorm';
import { refuseToGoBack } from './refuse-to-go-back.js';

/** How many recorded decisions an activation of policies may change in a zone. */
export class PolicyBudgets1795394000000 implements MigrationInterface {
  name = 'PolicyBudgets1795394000000';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      ALTER TABLE zones ADD COLUMN policy_max_changes integer CHECK (policy_max_changes BETWEEN 0 AND 1000000);
      COMMENT ON COLUMN zones.policy_max_changes IS
        'The most recorded decisions that an activation of policies may change, as a replay has found; NULL: any number.';
    `);
  }

  down = refuseToGoBack;
}
