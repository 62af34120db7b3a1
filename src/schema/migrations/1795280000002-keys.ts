import type { MigrationInterface, QueryRunner } from 'typeorm';
import { refuseToGoBack } from './refuse-to-go-back.js';

/** The keys that seal and the keys that sign. Either may be kept elsewhere: in a KMS, with a signer. */
export class Keys1795280000002 implements MigrationInterface {
  name = 'Keys1795280000002';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      CREATE TABLE key_encryption_keys (
        id          text PRIMARY KEY,
        check_value bytea NOT NULL,
        created_at  timestamptz NOT NULL DEFAULT now(),
        format      smallint NOT NULL DEFAULT 1 CHECK (format IN (1, 2))
      );
      COMMENT ON TABLE key_encryption_keys IS
        'One known value sealed under each key-encryption key, so that a wrong one is noticed at start.';
      COMMENT ON COLUMN key_encryption_keys.format IS
        '1: check_value is a keyed digest, and values of format 1 are sealed under this key; 2: it is sealed.';

      CREATE TABLE signing_keys (
        zone_id              uuid NOT NULL REFERENCES zones ON DELETE CASCADE,
        kid                  text NOT NULL,
        alg                  text NOT NULL,
        public_jwk           jsonb NOT NULL,
        sealed_private_key   bytea,
        published_at         timestamptz NOT NULL,
        activates_at         timestamptz NOT NULL,
        retires_at           timestamptz,
        expires_at           timestamptz,
        compromised_at       timestamptz,
        sealed_signer_handle bytea,
        certificate          bytea,
        PRIMARY KEY (zone_id, kid),
        CONSTRAINT signing_keys_custody CHECK (num_nonnulls(sealed_private_key, sealed_signer_handle) = 1)
      );
      CREATE INDEX signing_keys_lasting ON signing_keys (activates_at)
        WHERE retires_at IS NULL AND compromised_at IS NULL;
      COMMENT ON COLUMN signing_keys.sealed_signer_handle IS
        'What a remote signer calls the key. Sealed, so that nobody can add a key by writing a row.';
      COMMENT ON COLUMN signing_keys.certificate IS
        'X.509, DER, signed with the key itself. Keys of earlier versions have none.';
    `);
  }

  down = refuseToGoBack;
}
