import type { MigrationInterface, QueryRunner } from 'typeorm';
import { refuseToGoBack } from './refuse-to-go-back.js';

/** What a client may be granted at most, when things were changed, and what can be said of policies and proof systems. */
export class ClientCeilings1795360245128 implements MigrationInterface {
  name = 'ClientCeilings1795360245128';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      ALTER TABLE clients
        ADD COLUMN access_token_lifespan integer,
        ADD COLUMN scopes text[],
        ADD COLUMN audience text[],
        ADD COLUMN app_id text,
        ADD COLUMN updated_at timestamptz;
      COMMENT ON COLUMN clients.access_token_lifespan IS
        'The most seconds that a mandate lives that it is issued; null: what everybody gets.';
      COMMENT ON COLUMN clients.scopes IS 'All that it may be granted; null: not limited here.';
      COMMENT ON COLUMN clients.audience IS
        'Identifiers of all resources that it may have mandates for; null: not limited here.';
      COMMENT ON COLUMN clients.app_id IS 'What operators call the application elsewhere; it means nothing here.';
      COMMENT ON COLUMN clients.updated_at IS 'When operators changed it last; null: never.';

      ALTER TABLE trusted_issuers ADD COLUMN updated_at timestamptz;
      ALTER TABLE policies ADD COLUMN description text;
      ALTER TABLE policy_sets ADD COLUMN description text;
      ALTER TABLE proof_systems ADD COLUMN disabled_at timestamptz, ADD COLUMN updated_at timestamptz;
      COMMENT ON COLUMN proof_systems.disabled_at IS 'Since when nothing counts that it signs.';
    `);
  }

  down = refuseToGoBack;
}
