import type { MigrationInterface, QueryRunner } from 'typeorm';
import { refuseToGoBack } from './refuse-to-go-back.js';

/** Which sets of SQL functions the database has had. The functions are in `*.sql` beside what they are about. */
export class FunctionSets1795280000000 implements MigrationInterface {
  name = 'FunctionSets1795280000000';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      CREATE TABLE schema_functions (
        version    integer PRIMARY KEY,
        sha256     text NOT NULL,
        applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
      );
      COMMENT ON TABLE schema_functions IS
        'The sets of SQL functions that this database has had. The one with the highest version is in use.';
    `);
  }

  down = refuseToGoBack;
}
