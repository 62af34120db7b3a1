import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What people show that they are there with, and the links by which they register it. */
export class Authenticators1700000000008 implements MigrationInterface {
  name = 'Authenticators1700000000008';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      CREATE TABLE authenticators (
        zone_id        uuid NOT NULL REFERENCES zones ON DELETE CASCADE,
        id             uuid NOT NULL,
        subject        text NOT NULL,
        subject_issuer text,
        kind           text NOT NULL CHECK (kind IN ('totp', 'webauthn')),
        sealed_secret  bytea,
        last_step      bigint,
        credential_id  text,
        public_key     bytea,
        sign_count     bigint,
        last_used_at   timestamptz,
        created_at     timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (zone_id, id),
        UNIQUE (zone_id, credential_id),
        CHECK ((kind = 'totp') = (sealed_secret IS NOT NULL)),
        CHECK ((kind = 'webauthn') = (credential_id IS NOT NULL AND public_key IS NOT NULL AND sign_count IS NOT NULL))
      );
      CREATE INDEX authenticators_by_subject ON authenticators (zone_id, subject);
      COMMENT ON COLUMN authenticators.subject_issuer IS 'Whose name the subject is; null for ours.';
      COMMENT ON COLUMN authenticators.last_step IS 'totp: the latest step whose code was used. Each is good once.';

      CREATE TABLE enrolments (
        zone_id        uuid NOT NULL REFERENCES zones ON DELETE CASCADE,
        token_digest   bytea NOT NULL,
        subject        text NOT NULL,
        subject_issuer text,
        expires_at     timestamptz NOT NULL,
        used_at        timestamptz,
        created_at     timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (zone_id, token_digest)
      );
      CREATE INDEX enrolments_by_token ON enrolments (token_digest);
      COMMENT ON TABLE enrolments IS 'Links by which a person registers one authenticator.';
    `);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query('DROP TABLE enrolments, authenticators');
  }
}
