import type { MigrationInterface, QueryRunner } from 'typeorm';
import { refuseToGoBack } from './refuse-to-go-back.js';

/** Which keys operators drew for themselves, and with which; and reviews of emergencies that came to nothing. */
export class OwnKeysAndReviews1795373500000 implements MigrationInterface {
  name = 'OwnKeysAndReviews1795373500000';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      ALTER TABLE operator_keys
        ADD COLUMN drawn_with uuid,
        ADD FOREIGN KEY (operator_id, drawn_with) REFERENCES operator_keys (operator_id, id);
      CREATE INDEX operator_keys_drawn_with ON operator_keys (operator_id, drawn_with) WHERE drawn_with IS NOT NULL;
      COMMENT ON COLUMN operator_keys.drawn_with IS
        'The key of the same operator with which it drew this one for itself; null: somebody else may have it, too.';
      ALTER TABLE approvals ADD COLUMN lapsed_at timestamptz;
      CREATE INDEX approvals_to_review ON approvals (expires_at) WHERE kind = 'review' AND decision IS NULL;
      COMMENT ON COLUMN approvals.lapsed_at IS 'When it was recorded that nobody has looked at it in time; of reviews.';
    `);
  }

  down = refuseToGoBack;
}
