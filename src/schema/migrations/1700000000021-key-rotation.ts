import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Algorithms by zone and by resource, rotation by age, and certificates of keys. */
export class KeyRotation1700000000021 implements MigrationInterface {
  name = 'KeyRotation1700000000021';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      CREATE DOMAIN zone_alg AS text CHECK (VALUE IN ('ES256', 'ES384', 'EdDSA', 'RS256', 'PS256'));

      ALTER TABLE zones
        ADD signing_alg          zone_alg NOT NULL DEFAULT 'ES256',
        ADD previous_signing_alg zone_alg,
        ADD rotation_days        integer NOT NULL DEFAULT 30 CHECK (rotation_days BETWEEN 0 AND 3650),
        ADD publish_x5c          boolean NOT NULL DEFAULT false;
      COMMENT ON COLUMN zones.previous_signing_alg IS
        'Signs until a key of signing_alg may.';
      COMMENT ON COLUMN zones.rotation_days IS 'How old a signing key may become; 0 for any age.';

      ALTER TABLE resources ADD signing_alg zone_alg;
      COMMENT ON COLUMN resources.signing_alg IS 'Null: whatever the zone signs with.';

      ALTER TABLE signing_keys ADD certificate bytea;
      COMMENT ON COLUMN signing_keys.certificate IS
        'X.509, DER, signed with the key itself. Keys of earlier versions have none.';
      CREATE INDEX signing_keys_lasting ON signing_keys (activates_at)
        WHERE retires_at IS NULL AND compromised_at IS NULL;
    `);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`
      DROP INDEX signing_keys_lasting;
      ALTER TABLE signing_keys DROP certificate;
      ALTER TABLE resources DROP signing_alg;
      ALTER TABLE zones DROP publish_x5c, DROP rotation_days, DROP previous_signing_alg,
        DROP signing_alg;
      DROP DOMAIN zone_alg;
    `);
  }
}
