import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Systems outside that tell, signed, that somebody has confirmed a challenge. */
export class ProofSystems1700000000007 implements MigrationInterface {
  name = 'ProofSystems1700000000007';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      CREATE TABLE proof_systems (
        zone_id       uuid NOT NULL REFERENCES zones ON DELETE CASCADE,
        id            uuid NOT NULL,
        name          text NOT NULL,
        types         text[] NOT NULL DEFAULT '{}',
        sealed_secret bytea NOT NULL,
        created_at    timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (zone_id, id),
        UNIQUE (zone_id, name)
      );
      CREATE INDEX proof_systems_by_id ON proof_systems (id);
      COMMENT ON COLUMN proof_systems.types IS 'The types of challenge that it may decide on; any if empty.';
    `);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query('DROP TABLE proof_systems');
  }
}
