import type { MigrationInterface, QueryRunner } from 'typeorm';
import { refuseToGoBack } from './refuse-to-go-back.js';

/** The requests of operators that came with an `Idempotency-Key`, with their answers, so that each counts once. */
export class IdempotencyKeys1795360905510 implements MigrationInterface {
  name = 'IdempotencyKeys1795360905510';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      CREATE TABLE idempotency_keys (
        zone_id     uuid NOT NULL,
        id          uuid NOT NULL,
        operator    text NOT NULL,
        fingerprint bytea NOT NULL CHECK (length(fingerprint) = 32),
        request_id  uuid NOT NULL,
        used_at     timestamptz NOT NULL DEFAULT now(),
        sealed_key  bytea,
        answer      bytea,
        PRIMARY KEY (zone_id, id)
      );
      CREATE INDEX idempotency_keys_by_operator ON idempotency_keys (operator, used_at);
      CREATE INDEX idempotency_keys_by_time ON idempotency_keys (used_at);
      COMMENT ON TABLE idempotency_keys IS
        'Requests of operators with an Idempotency-Key. zone_id: of their path, all zeroes if it has none. '
        'id: of the operator, method, path and key. answer: encrypted by the key in sealed_key; none if it was not kept.';
    `);
  }

  down = refuseToGoBack;
}
