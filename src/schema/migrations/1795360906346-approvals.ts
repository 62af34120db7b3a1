import type { MigrationInterface, QueryRunner } from 'typeorm';
import { refuseToGoBack } from './refuse-to-go-back.js';

/** What a second operator has to approve, or to look at afterwards, and whether there is such a rule. */
export class Approvals1795360906346 implements MigrationInterface {
  name = 'Approvals1795360906346';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      CREATE TABLE approvals (
        id          uuid PRIMARY KEY,
        zone_id     uuid NOT NULL,
        kind        text NOT NULL CHECK (kind IN ('request', 'review')),
        action      text NOT NULL,
        summary     text NOT NULL,
        operator_id uuid,
        operator    text NOT NULL,
        request_id  uuid NOT NULL,
        fingerprint bytea CHECK (length(fingerprint) = 32),
        tag         text,
        asked_at    timestamptz NOT NULL DEFAULT now(),
        expires_at  timestamptz,
        decision    text CHECK (decision IN ('approved', 'rejected')),
        reason      text,
        decided_by_id uuid,
        decided_by  text,
        decided_at  timestamptz,
        used_at     timestamptz,
        CHECK ((kind = 'request') = (expires_at IS NOT NULL AND fingerprint IS NOT NULL AND operator_id IS NOT NULL)),
        CHECK ((decision IS NULL) = (decided_at IS NULL) AND (used_at IS NULL OR decision = 'approved'))
      );
      CREATE INDEX approvals_by_request ON approvals (operator_id, fingerprint) WHERE kind = 'request' AND used_at IS NULL;
      COMMENT ON TABLE approvals IS
        'What a second operator approves before it is done (request), or looks at afterwards (review). zone_id: all '
        'zeroes for what is of no zone. fingerprint: SHA-256 of the request. tag: of what is there, when it was asked for.';
      ALTER TABLE administration ADD COLUMN two_person_rule boolean NOT NULL DEFAULT false;
      ALTER TABLE operator_keys ADD COLUMN created_by uuid;
      COMMENT ON COLUMN operator_keys.created_by IS 'The operator who drew it; null for others, such as the admin key.';
    `);
  }

  down = refuseToGoBack;
}
