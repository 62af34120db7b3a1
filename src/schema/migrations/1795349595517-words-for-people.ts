import type { MigrationInterface, QueryRunner } from 'typeorm';
import { refuseToGoBack } from './refuse-to-go-back.js';

/** What operators call things where people read it: on the pages on which requests are confirmed. */
export class WordsForPeople1795349595517 implements MigrationInterface {
  name = 'WordsForPeople1795349595517';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      ALTER TABLE zones ADD COLUMN display_name text;
      COMMENT ON COLUMN zones.display_name IS 'The organisation, as people know it.';
      ALTER TABLE clients ADD COLUMN description text;
      COMMENT ON COLUMN clients.description IS 'What it is, for the people who confirm its requests.';
      ALTER TABLE resources
        ADD COLUMN display_name text,
        ADD COLUMN description text,
        ADD COLUMN scope_descriptions jsonb NOT NULL DEFAULT '[]';
      COMMENT ON COLUMN resources.display_name IS 'What people who confirm requests know it as.';
      COMMENT ON COLUMN resources.scope_descriptions IS 'What its scopes allow, in words: [{"scope", "description"}].';
    `);
  }

  down = refuseToGoBack;
}
