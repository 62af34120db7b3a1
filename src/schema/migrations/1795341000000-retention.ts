import type { MigrationInterface, QueryRunner } from 'typeorm';
import { refuseToGoBack } from './refuse-to-go-back.js';

/** Days of the audit log may be dropped: not those of a zone that is held, and what their chains end with is kept. */
export class Retention1795341000000 implements MigrationInterface {
  name = 'Retention1795341000000';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      ALTER TABLE zones ADD COLUMN legal_hold boolean NOT NULL DEFAULT false;
      COMMENT ON COLUMN zones.legal_hold IS 'Whether its audit log is kept whole, and it cannot be removed.';

      ALTER TABLE tables_by_day ADD COLUMN kept_for text NOT NULL DEFAULT 'ended';
      COMMENT ON COLUMN tables_by_day.kept_for IS
        'Which setting says how many days are kept (ledger_kept_days): ended, deliveries.';
      UPDATE tables_by_day SET kept_for = 'deliveries' WHERE name = 'webhook_deliveries';

      -- No foreign key to zones: what happened in a zone outlives it.
      CREATE TABLE audit_heads (
        zone_id       uuid NOT NULL,
        writer        uuid NOT NULL,
        first_seq     bigint NOT NULL,
        last_seq      bigint NOT NULL,
        day           date NOT NULL,
        previous_hash bytea NOT NULL,
        hash          bytea NOT NULL,
        kept_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (zone_id, writer, first_seq)
      );
      COMMENT ON TABLE audit_heads IS
        'What hash chains began and ended with in a day that was dropped: a row for each run of events without a gap.';
      COMMENT ON COLUMN audit_heads.previous_hash IS 'That of the first event.';
      COMMENT ON COLUMN audit_heads.hash IS 'That of the last event, which the next one names as previous_hash.';

      CREATE TABLE audit_days_held (
        day     date PRIMARY KEY,
        zones   uuid[] NOT NULL,
        held_at timestamptz NOT NULL DEFAULT clock_timestamp()
      );
      COMMENT ON TABLE audit_days_held IS
        'Days of the audit log that were dropped but for the events of zones that were held then.';
    `);
  }

  down = refuseToGoBack;
}
