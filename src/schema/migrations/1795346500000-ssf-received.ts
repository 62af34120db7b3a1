import type { MigrationInterface, QueryRunner } from 'typeorm';
import { refuseToGoBack } from './refuse-to-go-back.js';

/** The events of others' shared signals that were received, so that each counts once. */
export class SsfReceived1795346500000 implements MigrationInterface {
  name = 'SsfReceived1795346500000';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      CREATE TABLE ssf_received (
        zone_id     uuid NOT NULL REFERENCES zones ON DELETE CASCADE,
        digest      bytea NOT NULL CHECK (length(digest) = 32),
        received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (zone_id, digest)
      );
      CREATE INDEX ssf_received_by_time ON ssf_received (received_at);
      COMMENT ON TABLE ssf_received IS
        'Events of trusted issuers, for as long as they could come again. digest: SHA-256 of issuer and jti.';
    `);
  }

  down = refuseToGoBack;
}
