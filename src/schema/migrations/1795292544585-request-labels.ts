import type { MigrationInterface, QueryRunner } from 'typeorm';
import { refuseToGoBack } from './refuse-to-go-back.js';

/** Requests have ids of our own; what their callers call them is kept beside it. */
export class RequestLabels1795292544585 implements MigrationInterface {
  name = 'RequestLabels1795292544585';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      ALTER TABLE audit_events ADD COLUMN request_label text;
      COMMENT ON COLUMN audit_events.request_label IS
        'What the caller calls the request. Any number of requests may be called the same.';
      -- Operators look for a request by what its caller knows. What strangers call the same comes last, and is not read.
      CREATE INDEX audit_events_by_label ON ONLY audit_events (request_label, (client_id IS NULL), id DESC)
        WHERE request_label IS NOT NULL;
    `);
  }

  down = refuseToGoBack;
}
