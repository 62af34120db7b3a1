import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Who wrote a policy, what a zone adds to the schema, and a candidate that is tried beside the active set. */
export class PolicyLifecycle1700000000002 implements MigrationInterface {
  name = 'PolicyLifecycle1700000000002';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      ALTER TABLE policy_versions ADD author text NOT NULL DEFAULT 'admin key';
      ALTER TABLE policy_set_versions ADD author text NOT NULL DEFAULT 'admin key';
      ALTER TABLE clients ADD groups text[] NOT NULL DEFAULT '{}';

      ALTER TABLE zones
        ADD policy_schema_extension text,
        ADD shadow_policy_set_version_id uuid,
        ADD FOREIGN KEY (id, shadow_policy_set_version_id) REFERENCES policy_set_versions (zone_id, id);

      -- Counts, not state: it has no trigger, so that counting does not make anybody's view of a zone old.
      CREATE TABLE shadow_differences (
        zone_id               uuid NOT NULL,
        policy_set_version_id uuid NOT NULL,
        kind                  text NOT NULL,
        client_id             uuid NOT NULL,
        count                 bigint NOT NULL,
        examples              text[] NOT NULL,
        first_at              timestamptz NOT NULL DEFAULT now(),
        last_at               timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (zone_id, policy_set_version_id, kind, client_id),
        FOREIGN KEY (zone_id, policy_set_version_id) REFERENCES policy_set_versions ON DELETE CASCADE
      );
      COMMENT ON COLUMN shadow_differences.examples IS 'Request ids of a few of the requests counted.';

      -- Operators ask for a request by its id alone.
      CREATE INDEX audit_events_by_request_id ON audit_events (request_id);
    `);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`
      DROP INDEX audit_events_by_request_id;
      DROP TABLE shadow_differences;
      ALTER TABLE zones DROP shadow_policy_set_version_id, DROP policy_schema_extension;
      ALTER TABLE clients DROP groups;
      ALTER TABLE policy_set_versions DROP author;
      ALTER TABLE policy_versions DROP author;
    `);
  }
}
