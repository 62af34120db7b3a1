import type { MigrationInterface, QueryRunner } from 'typeorm';
import { refuseToGoBack } from './refuse-to-go-back.js';

/** The index of the audit log, by which events are found, and how far it is with each chain. */
export class AuditIndex1795372900000 implements MigrationInterface {
  name = 'AuditIndex1795372900000';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      CREATE TABLE audit_index (
        zone_id     uuid NOT NULL,
        id          uuid NOT NULL,
        occurred_at timestamptz NOT NULL,
        terms       bigint[] NOT NULL,
        PRIMARY KEY (zone_id, id)
      ) PARTITION BY RANGE (id);
      CREATE TABLE audit_index_default PARTITION OF audit_index DEFAULT;
      CREATE INDEX audit_index_by_id ON audit_index (id);
      CREATE INDEX audit_index_by_term ON audit_index USING gin (terms);
      COMMENT ON TABLE audit_index IS
        'By what each event of the audit log is found. Made of the log, and can be made again: '
        'DELETE FROM audit_index_heads begins anew.';
      COMMENT ON COLUMN audit_index.terms IS 'Numbers that stand for terms (audit_term_digests).';

      CREATE TABLE audit_index_heads (
        zone_id uuid NOT NULL,
        writer  uuid NOT NULL,
        seq     bigint NOT NULL,
        PRIMARY KEY (zone_id, writer)
      ) WITH (fillfactor = 50);
      COMMENT ON TABLE audit_index_heads IS 'The last event of each hash chain that is in the index, with all before it.';

      INSERT INTO tables_by_day (name, keyed_by, dropped, kept_while) VALUES ('audit_index', 'id', false, NULL);
    `);
  }

  down = refuseToGoBack;
}
