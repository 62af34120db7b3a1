import type { MigrationInterface, QueryRunner } from 'typeorm';
import { refuseToGoBack } from './refuse-to-go-back.js';

/** Where processes write a row to see whether they can. */
export class LedgerProbes1795293541006 implements MigrationInterface {
  name = 'LedgerProbes1795293541006';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      CREATE TABLE ledger_probes (
        process uuid PRIMARY KEY,
        at      timestamptz NOT NULL
      ) WITH (fillfactor = 50);
      COMMENT ON TABLE ledger_probes IS
        'One row for each process, written anew to see whether a commit works (ledger_probe). Nobody reads it.';
    `);
  }

  down = refuseToGoBack;
}
