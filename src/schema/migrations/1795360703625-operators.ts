import type { MigrationInterface, QueryRunner } from 'typeorm';
import { refuseToGoBack } from './refuse-to-go-back.js';

/** Who administers the installation: named operators and their keys, and what is so for all of it. They are of no zone. */
export class Operators1795360703625 implements MigrationInterface {
  name = 'Operators1795360703625';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      CREATE TABLE operators (
        id          uuid PRIMARY KEY,
        name        text NOT NULL UNIQUE,
        description text,
        role        text NOT NULL,
        zones       uuid[],
        disabled_at timestamptz,
        created_at  timestamptz NOT NULL DEFAULT now()
      );
      COMMENT ON COLUMN operators.zones IS 'The only zones that it may see; null for all, and for what is of no zone.';

      CREATE TABLE operator_keys (
        operator_id  uuid NOT NULL REFERENCES operators ON DELETE CASCADE,
        id           uuid NOT NULL UNIQUE,
        digest       bytea NOT NULL UNIQUE CHECK (octet_length(digest) = 32),
        description  text,
        addresses    text[],
        expires_at   timestamptz,
        revoked_at   timestamptz,
        last_used_at timestamptz,
        created_at   timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (operator_id, id)
      );
      COMMENT ON COLUMN operator_keys.digest IS 'SHA-256 of the key, which is 256 random bits.';
      COMMENT ON COLUMN operator_keys.addresses IS 'The networks that it may be used from (CIDR); null for any.';

      CREATE TABLE administration (
        one                   boolean PRIMARY KEY DEFAULT true CHECK (one),
        version               bigint NOT NULL DEFAULT 0,
        admin_token_closed_at timestamptz,
        control_zone_id       uuid REFERENCES zones ON DELETE RESTRICT
      );
      COMMENT ON TABLE administration IS 'One row. Its version grows with whatever says who may administer.';
      INSERT INTO administration DEFAULT VALUES;
    `);
  }

  down = refuseToGoBack;
}
