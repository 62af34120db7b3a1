import type { MigrationInterface, QueryRunner } from 'typeorm';
import { refuseToGoBack } from './refuse-to-go-back.js';

/** From which id on the next events of a chain are looked for, so that no day is that is long over. */
export class AuditIndexDays1795386500000 implements MigrationInterface {
  name = 'AuditIndexDays1795386500000';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      ALTER TABLE audit_index_heads ADD COLUMN ids_from uuid;
      COMMENT ON COLUMN audit_index_heads.ids_from IS
        'Before which no id of an event is that comes after, if clocks are right; null if that is not known.';
    `);
  }

  down = refuseToGoBack;
}
