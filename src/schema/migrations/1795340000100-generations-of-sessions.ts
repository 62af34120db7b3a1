import type { MigrationInterface, QueryRunner } from 'typeorm';
import { refuseToGoBack } from './refuse-to-go-back.js';

/**
 * Sessions and agent sessions say in which generations they were opened, so that they end with what is taken back, however
 * many there are; policies can be withdrawn; and the generations of resources and issuers outlive their rows.
 */
export class GenerationsOfSessions1795340000100 implements MigrationInterface {
  name = 'GenerationsOfSessions1795340000100';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      ALTER TABLE sessions
        ADD COLUMN zone_generation integer NOT NULL DEFAULT 0,
        ADD COLUMN client_generation integer NOT NULL DEFAULT 0,
        ADD COLUMN subject_generation integer NOT NULL DEFAULT 0,
        ADD COLUMN issuer_generation integer NOT NULL DEFAULT 0;
      COMMENT ON COLUMN sessions.client_generation IS
        'That of the client when it was opened; with a higher one it is dead. So with zone, subject and issuer.';

      ALTER TABLE agent_sessions
        ADD COLUMN zone_generation integer NOT NULL DEFAULT 0,
        ADD COLUMN client_generation integer NOT NULL DEFAULT 0;

      ALTER TABLE generations DROP CONSTRAINT generations_kind_check;
      ALTER TABLE generations ADD CONSTRAINT generations_kind_check
        CHECK (kind IN ('zone', 'client', 'subject', 'resource', 'issuer')) NOT VALID;
      COMMENT ON TABLE generations IS
        'What was taken back: a subject has its generation here, others when, and what it was if their row is gone. key_hash: SHA-256 of the name; not_before: when it was taken back last.';

      CREATE TABLE withdrawn_policies (
        zone_id uuid NOT NULL REFERENCES zones ON DELETE CASCADE,
        pol text NOT NULL CHECK (pol ~ '^[0-9a-f]{12}$'),
        withdrawn_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (zone_id, pol)
      );
      COMMENT ON TABLE withdrawn_policies IS
        'Policy sets, by the first digits of their manifest hash, whose mandates are taken back; looked at for a day.';
    `);
  }

  down = refuseToGoBack;
}
