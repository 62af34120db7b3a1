import type { MigrationInterface, QueryRunner } from 'typeorm';
import { refuseToGoBack } from './refuse-to-go-back.js';

/**
 * Enrolments hold the key of the authenticator app that they lead to; until now it was derived from the link,
 * which request logs hold. Keys that may have been derived so are marked.
 */
export class EnrolmentKeys1795291896270 implements MigrationInterface {
  name = 'EnrolmentKeys1795291896270';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      ALTER TABLE enrolments
        ADD COLUMN id uuid NOT NULL DEFAULT gen_random_uuid(),
        ADD COLUMN sealed_secret bytea,
        ADD UNIQUE (zone_id, id);
      CREATE INDEX enrolments_by_expiry ON enrolments (expires_at);
      COMMENT ON COLUMN enrolments.sealed_secret IS
        'Drawn for this enrolment, and not in its link. Null: of the version that derived keys from links.';

      -- False is what the version before says of its authenticators, by saying nothing.
      ALTER TABLE authenticators ADD COLUMN key_drawn boolean NOT NULL DEFAULT false;
      COMMENT ON COLUMN authenticators.key_drawn IS
        'totp: the key was drawn at random. False: it was derived from a link that logs may hold, or that cannot be ruled out.';
      -- Registration by a link always sets last_step, so these were registered by operators, with a key that was drawn.
      UPDATE authenticators SET key_drawn = true WHERE kind = 'totp' AND last_step IS NULL;
    `);
  }

  down = refuseToGoBack;
}
