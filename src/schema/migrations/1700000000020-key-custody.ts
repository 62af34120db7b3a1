import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Keys may be kept elsewhere: the one that seals in a KMS, those that sign with a signer. */
export class KeyCustody1700000000020 implements MigrationInterface {
  name = 'KeyCustody1700000000020';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      ALTER TABLE key_encryption_keys ADD COLUMN format smallint NOT NULL DEFAULT 1
        CHECK (format IN (1, 2));
      COMMENT ON COLUMN key_encryption_keys.format IS
        '1: check_value is a keyed digest, and values of format 1 are sealed under this key; 2: it is sealed.';

      ALTER TABLE signing_keys ALTER COLUMN sealed_private_key DROP NOT NULL;
      ALTER TABLE signing_keys ADD COLUMN sealed_signer_handle bytea;
      ALTER TABLE signing_keys ADD CONSTRAINT signing_keys_custody
        CHECK (num_nonnulls(sealed_private_key, sealed_signer_handle) = 1);
      COMMENT ON COLUMN signing_keys.sealed_signer_handle IS
        'What a remote signer calls the key. Sealed, so that nobody can add a key by writing a row.';
    `);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`
      ALTER TABLE signing_keys DROP CONSTRAINT signing_keys_custody;
      ALTER TABLE signing_keys DROP COLUMN sealed_signer_handle;
      ALTER TABLE signing_keys ALTER COLUMN sealed_private_key SET NOT NULL;
      ALTER TABLE key_encryption_keys DROP COLUMN format;
    `);
  }
}
