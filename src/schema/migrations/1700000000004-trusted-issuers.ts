import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Whom zones believe beside themselves, and the keys of clients that have no secret. */
export class TrustedIssuers1700000000004 implements MigrationInterface {
  name = 'TrustedIssuers1700000000004';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      CREATE TABLE trusted_issuers (
        zone_id            uuid NOT NULL REFERENCES zones ON DELETE CASCADE,
        id                 uuid NOT NULL,
        issuer             text NOT NULL,
        jwks               jsonb,
        jwks_uri           text,
        audiences          text[] NOT NULL DEFAULT '{}',
        algorithms         text[] NOT NULL,
        token_types        text[] NOT NULL,
        claim_conditions   jsonb NOT NULL DEFAULT '{}',
        subject_claim      text NOT NULL DEFAULT 'sub',
        label_claims       text[] NOT NULL DEFAULT '{}',
        allowed_client_ids uuid[] NOT NULL DEFAULT '{}',
        max_age_seconds    integer CHECK (max_age_seconds > 0),
        created_at         timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (zone_id, id),
        UNIQUE (zone_id, issuer),
        CHECK ((jwks IS NULL) <> (jwks_uri IS NULL))
      );
      COMMENT ON COLUMN trusted_issuers.issuer IS 'Exactly what its tokens have in iss.';
      COMMENT ON COLUMN trusted_issuers.allowed_client_ids IS 'Empty for all clients.';

      ALTER TABLE clients
        ADD jwks             jsonb,
        ADD jwks_uri         text,
        ADD workload_issuer  text,
        ADD workload_subject text,
        ADD CHECK (jwks IS NULL OR jwks_uri IS NULL),
        ADD CHECK ((workload_issuer IS NULL) = (workload_subject IS NULL)),
        ADD CONSTRAINT clients_workload_issuer_fkey
          FOREIGN KEY (zone_id, workload_issuer) REFERENCES trusted_issuers (zone_id, issuer);
      COMMENT ON COLUMN clients.workload_subject IS
        'The workload, in the words of workload_issuer, whose token authenticates the client.';

      CREATE TRIGGER zone_content_added AFTER INSERT ON trusted_issuers
        REFERENCING NEW TABLE AS after_rows
        FOR EACH STATEMENT EXECUTE FUNCTION zone_content_added();
      CREATE TRIGGER zone_content_changed AFTER UPDATE ON trusted_issuers
        REFERENCING OLD TABLE AS before_rows NEW TABLE AS after_rows
        FOR EACH STATEMENT EXECUTE FUNCTION zone_content_changed();
      CREATE TRIGGER zone_content_removed AFTER DELETE ON trusted_issuers
        REFERENCING OLD TABLE AS before_rows
        FOR EACH STATEMENT EXECUTE FUNCTION zone_content_removed();
      CREATE TRIGGER zone_content_truncated AFTER TRUNCATE ON trusted_issuers
        FOR EACH STATEMENT EXECUTE FUNCTION zone_content_truncated();
    `);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`
      ALTER TABLE clients DROP CONSTRAINT clients_workload_issuer_fkey,
        DROP workload_subject, DROP workload_issuer, DROP jwks_uri, DROP jwks;
      DROP TABLE trusted_issuers;
    `);
  }
}
