import type { MigrationInterface, QueryRunner } from 'typeorm';
import { refuseToGoBack } from './refuse-to-go-back.js';

/** Audit events are kept as the text that was hashed, compressed by lz4 where the server can. */
export class AuditEventTexts1795314994603 implements MigrationInterface {
  name = 'AuditEventTexts1795314994603';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      DO $$ BEGIN
        ALTER TABLE audit_events ADD COLUMN event_text text COMPRESSION lz4;
      EXCEPTION WHEN feature_not_supported THEN
        ALTER TABLE audit_events ADD COLUMN event_text text;
      END $$;
      COMMENT ON COLUMN audit_events.event_text IS
        'The event as it was hashed: hash = sha256(previous_hash || event_text). Null where event::text was.';
      COMMENT ON COLUMN audit_events.event IS
        'The event, where event_text is null; else an empty object. audit_event(row) has it either way.';
    `);
  }

  down = refuseToGoBack;
}
