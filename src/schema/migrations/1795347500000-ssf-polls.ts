import type { MigrationInterface, QueryRunner } from 'typeorm';
import { refuseToGoBack } from './refuse-to-go-back.js';

/** Trusted issuers whose shared signals are fetched, and when each is asked next. */
export class SsfPolls1795347500000 implements MigrationInterface {
  name = 'SsfPolls1795347500000';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      ALTER TABLE trusted_issuers
        ADD COLUMN ssf_poll_url text,
        ADD COLUMN sealed_ssf_poll_token bytea,
        ADD CHECK (ssf_poll_url IS NOT NULL OR sealed_ssf_poll_token IS NULL);
      CREATE INDEX trusted_issuers_polled ON trusted_issuers (zone_id, id) WHERE ssf_poll_url IS NOT NULL;
      COMMENT ON COLUMN trusted_issuers.ssf_poll_url IS 'Where its shared signals are fetched (RFC 8936).';
      COMMENT ON COLUMN trusted_issuers.sealed_ssf_poll_token IS 'The bearer token for that, sealed.';

      CREATE TABLE ssf_polls (
        zone_id     uuid NOT NULL,
        issuer_id   uuid NOT NULL,
        due_at      timestamptz NOT NULL,
        attempts    integer NOT NULL DEFAULT 0,
        last_error  text,
        answered_at timestamptz,
        PRIMARY KEY (zone_id, issuer_id),
        FOREIGN KEY (zone_id, issuer_id) REFERENCES trusted_issuers (zone_id, id) ON DELETE CASCADE
      );
      COMMENT ON TABLE ssf_polls IS
        'When the shared signals of an issuer are fetched next. Whoever fetches moves due_at on first, so that nobody else does.';
      COMMENT ON COLUMN ssf_polls.attempts IS 'How often in a row it was tried in vain.';
    `);
  }

  down = refuseToGoBack;
}
