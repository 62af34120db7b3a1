import type { MigrationInterface, QueryRunner } from 'typeorm';
import { refuseToGoBack } from './refuse-to-go-back.js';

/** How far signed checkpoints have come to places outside of the database, and what witnesses have signed of them. */
export class CheckpointExports1795387200000 implements MigrationInterface {
  name = 'CheckpointExports1795387200000';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      CREATE TABLE checkpoint_exports (
        place text PRIMARY KEY,
        size  bigint NOT NULL,
        at    timestamptz NOT NULL
      );
      COMMENT ON TABLE checkpoint_exports IS
        'The last checkpoint that each place outside of the database has got, and when. What a place has is asked there.';

      CREATE TABLE checkpoint_cosignatures (
        size   bigint NOT NULL,
        signer text NOT NULL,
        line   text NOT NULL,
        at     timestamptz NOT NULL,
        PRIMARY KEY (size, signer)
      );
      COMMENT ON TABLE checkpoint_cosignatures IS
        'What witnesses have signed of the checkpoint of a size: lines of a signed note (C2SP tlog-cosignature).';
    `);
  }

  down = refuseToGoBack;
}
