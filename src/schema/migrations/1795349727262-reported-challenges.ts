import type { MigrationInterface, QueryRunner } from 'typeorm';
import { refuseToGoBack } from './refuse-to-go-back.js';

/** Challenges that somebody who was sent the link has reported: this was not me. */
export class ReportedChallenges1795349727262 implements MigrationInterface {
  name = 'ReportedChallenges1795349727262';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      ALTER TABLE challenges ADD COLUMN reported_at timestamptz;
      COMMENT ON COLUMN challenges.reported_at IS 'When it was refused as one that the holder of its link knows nothing of.';
    `);
  }

  down = refuseToGoBack;
}
