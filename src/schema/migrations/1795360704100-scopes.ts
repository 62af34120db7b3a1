import type { MigrationInterface, QueryRunner } from 'typeorm';
import { refuseToGoBack } from './refuse-to-go-back.js';

/** Scopes that operators describe and take out of use for a whole zone; when zones and resources were changed; protected zones. */
export class Scopes1795360704100 implements MigrationInterface {
  name = 'Scopes1795360704100';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      CREATE TABLE scopes (
        zone_id     uuid NOT NULL REFERENCES zones ON DELETE CASCADE,
        id          uuid NOT NULL,
        name        text NOT NULL,
        description text,
        active      boolean NOT NULL DEFAULT true,
        is_system   boolean NOT NULL DEFAULT false,
        created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
        updated_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (zone_id, id),
        UNIQUE (zone_id, name)
      );
      COMMENT ON TABLE scopes IS
        'What is said of scopes in the whole zone. Which there are is said by resources, and they need no row here.';
      COMMENT ON COLUMN scopes.active IS 'If not, it is granted for no resource of the zone.';
      COMMENT ON COLUMN scopes.is_system IS 'Whether every zone has it.';
      CREATE INDEX scopes_inactive ON scopes (zone_id) WHERE NOT active;

      ALTER TABLE zones
        ADD COLUMN description text,
        ADD COLUMN protected boolean NOT NULL DEFAULT false,
        ADD COLUMN updated_at timestamptz;
      COMMENT ON COLUMN zones.description IS 'What it is for, in words of operators for operators.';
      COMMENT ON COLUMN zones.protected IS 'Whether it cannot be removed until this is taken back.';
      COMMENT ON COLUMN zones.updated_at IS 'When it was changed through the API; null: not since it was made, as far as is known.';
      ALTER TABLE resources ADD COLUMN updated_at timestamptz;
      COMMENT ON COLUMN resources.updated_at IS 'When it was changed through the API; null: not since it was made, as far as is known.';
    `);
  }

  down = refuseToGoBack;
}
