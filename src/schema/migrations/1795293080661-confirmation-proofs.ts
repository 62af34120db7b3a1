import type { MigrationInterface, QueryRunner } from 'typeorm';
import { refuseToGoBack } from './refuse-to-go-back.js';

/** People who have shown who they are before a challenge is shown to them, so that they can decide on it then. */
export class ConfirmationProofs1795293080661 implements MigrationInterface {
  name = 'ConfirmationProofs1795293080661';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      -- These go with the challenges of their day; a foreign key would keep that from being dropped.
      CREATE TABLE confirmation_proofs (
        zone_id          uuid NOT NULL REFERENCES zones ON DELETE CASCADE,
        challenge_id     uuid NOT NULL,
        authenticator_id uuid NOT NULL,
        digest           bytea NOT NULL,
        method           text NOT NULL,
        amr              text[] NOT NULL,
        expires_at       timestamptz NOT NULL,
        PRIMARY KEY (zone_id, challenge_id, authenticator_id)
      ) PARTITION BY RANGE (challenge_id);
      CREATE TABLE confirmation_proofs_default PARTITION OF confirmation_proofs DEFAULT;
      COMMENT ON COLUMN confirmation_proofs.digest IS 'SHA-256 of what the page sends with the decision.';

      INSERT INTO tables_by_day (name, keyed_by, dropped, kept_while) VALUES ('confirmation_proofs', 'id', true, NULL);
    `);
  }

  down = refuseToGoBack;
}
