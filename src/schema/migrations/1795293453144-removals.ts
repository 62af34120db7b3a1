import type { MigrationInterface, QueryRunner } from 'typeorm';
import { refuseToGoBack } from './refuse-to-go-back.js';

/**
 * Removals: what was ended and has more rows than can be removed at once. It is refused from the moment at
 * which its row here is committed, and removed bit by bit.
 */
export class Removals1795293453144 implements MigrationInterface {
  name = 'Removals1795293453144';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      ALTER TABLE clients ADD COLUMN removed_at timestamptz;
      ALTER TABLE zones ADD COLUMN removed_at timestamptz;
      COMMENT ON COLUMN clients.removed_at IS 'Since when it is being removed; disabled_at is set as well.';
      COMMENT ON COLUMN zones.removed_at IS 'Since when it is being removed; no policy set is active any more.';

      -- A session is alive if its issuer was trusted before it began. Whoever trusts it again waits for a turn first.
      ALTER TABLE trusted_issuers ALTER COLUMN created_at SET DEFAULT clock_timestamp();

      CREATE TABLE removals (
        zone_id      uuid NOT NULL REFERENCES zones ON DELETE CASCADE,
        id           uuid NOT NULL,
        kind         text NOT NULL CHECK (kind IN ('client', 'issuer', 'zone')),
        name         text NOT NULL,
        total        bigint,
        removed      bigint NOT NULL DEFAULT 0,
        requested_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (zone_id, id)
      );
      COMMENT ON COLUMN removals.id IS 'That of the client, issuer or zone.';
      COMMENT ON COLUMN removals.name IS 'How it was called; for an issuer, what its sessions have in issuer.';
      COMMENT ON COLUMN removals.total IS 'How many rows there were; null as long as they were not counted.';

      -- What is looked for when a client or an issuer goes.
      CREATE INDEX challenges_by_client ON ONLY challenges (zone_id, client_id, id);
      CREATE INDEX sessions_open_by_issuer ON ONLY sessions (zone_id, issuer, id)
        WHERE issuer IS NOT NULL AND ended_at IS NULL;
    `);
  }

  down = refuseToGoBack;
}
