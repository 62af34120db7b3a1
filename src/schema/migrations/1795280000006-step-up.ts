import type { MigrationInterface, QueryRunner } from 'typeorm';
import { refuseToGoBack } from './refuse-to-go-back.js';

/**
 * Challenges, which are requests that wait for somebody to confirm them, and what they are confirmed with.
 *
 * A challenge is opened and spent by the ledger, in the commit that records why; in between people and
 * systems decide on it, each in a transaction of their own.
 */
export class StepUp1795280000006 implements MigrationInterface {
  name = 'StepUp1795280000006';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      -- Partitioned as sessions are. What may lie in a day that was dropped has no foreign key.
      CREATE TABLE challenges (
        zone_id               uuid NOT NULL,
        id                    uuid NOT NULL,
        type                  text NOT NULL,
        binding               bytea NOT NULL,
        policy_set_version_id uuid,
        client_id             uuid NOT NULL,
        subject               text NOT NULL,
        subject_issuer        text,
        subject_type          text NOT NULL,
        involved_client_ids   uuid[] NOT NULL,
        request               jsonb NOT NULL,
        terms                 jsonb NOT NULL,
        quorum                integer NOT NULL,
        approvals             integer NOT NULL DEFAULT 0,
        wrong_responses       integer NOT NULL DEFAULT 0,
        decision              text CHECK (decision IN ('approved', 'rejected')),
        decided_at            timestamptz,
        acr                   text,
        amr                   text[],
        auth_time             timestamptz,
        consumed_at           timestamptz,
        consumed_event_id     uuid,
        expires_at            timestamptz NOT NULL,
        created_at            timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (zone_id, id),
        FOREIGN KEY (zone_id, client_id) REFERENCES clients ON DELETE CASCADE,
        CHECK ((decision IS NULL) = (decided_at IS NULL)),
        CHECK (consumed_at IS NULL OR decision = 'approved')
      ) PARTITION BY RANGE (id);
      CREATE TABLE challenges_default PARTITION OF challenges DEFAULT;
      CREATE INDEX challenges_by_id ON challenges (id);
      CREATE INDEX challenges_by_binding ON challenges (zone_id, binding);
      CREATE INDEX challenges_undecided_by_client ON challenges (zone_id, client_id, expires_at) WHERE decision IS NULL;
      CREATE INDEX challenges_undecided_by_subject ON challenges (zone_id, subject, expires_at) WHERE decision IS NULL;
      COMMENT ON COLUMN challenges.binding IS 'SHA-256 of everything that the challenge stands for: whoever redeems it must ask for exactly that.';
      COMMENT ON COLUMN challenges.involved_client_ids IS 'Clients in the chain that asks. None of them may decide, whatever the type says.';
      COMMENT ON COLUMN challenges.request IS 'What is asked for, to be shown to those who decide.';
      COMMENT ON COLUMN challenges.terms IS 'Those of its type when it was opened.';

      -- Everybody who joined a challenge has a secret of its own. These go with the challenges of their day;
      -- a foreign key would keep that from being dropped.
      CREATE TABLE challenge_secrets (
        zone_id      uuid NOT NULL REFERENCES zones ON DELETE CASCADE,
        challenge_id uuid NOT NULL,
        digest       bytea NOT NULL,
        PRIMARY KEY (zone_id, challenge_id, digest)
      ) PARTITION BY RANGE (challenge_id);
      CREATE TABLE challenge_secrets_default PARTITION OF challenge_secrets DEFAULT;

      CREATE TABLE challenge_decisions (
        zone_id      uuid NOT NULL REFERENCES zones ON DELETE CASCADE,
        challenge_id uuid NOT NULL,
        decided_by   text NOT NULL,
        method       text NOT NULL,
        decision     text NOT NULL CHECK (decision IN ('approved', 'rejected')),
        reason       text NOT NULL,
        decided_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (zone_id, challenge_id, decided_by)
      ) PARTITION BY RANGE (challenge_id);
      CREATE TABLE challenge_decisions_default PARTITION OF challenge_decisions DEFAULT;
      COMMENT ON COLUMN challenge_decisions.decided_by IS 'Who it was, such as client:{id}; each has one say.';

      CREATE TABLE step_up_attempts (
        zone_id uuid NOT NULL REFERENCES zones ON DELETE CASCADE,
        key     text NOT NULL,
        tokens  double precision NOT NULL,
        at      timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (zone_id, key)
      ) WITH (fillfactor = 50);
      COMMENT ON TABLE step_up_attempts IS 'How often somebody may still be wrong, refilled in the course of time; counted for all replicas together.';

      INSERT INTO tables_by_day (name, keyed_by, dropped, kept_while) VALUES
        ('challenges', 'id', true, NULL),
        ('challenge_secrets', 'id', true, NULL),
        ('challenge_decisions', 'id', true, NULL);

      -- Systems outside that tell, signed, that somebody has confirmed a challenge.
      CREATE TABLE proof_systems (
        zone_id       uuid NOT NULL REFERENCES zones ON DELETE CASCADE,
        id            uuid NOT NULL,
        name          text NOT NULL,
        types         text[] NOT NULL DEFAULT '{}',
        sealed_secret bytea NOT NULL,
        created_at    timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (zone_id, id),
        UNIQUE (zone_id, name)
      );
      CREATE INDEX proof_systems_by_id ON proof_systems (id);
      COMMENT ON COLUMN proof_systems.types IS 'The types of challenge that it may decide on; any if empty.';

      -- What people show that they are there with.
      CREATE TABLE authenticators (
        zone_id        uuid NOT NULL REFERENCES zones ON DELETE CASCADE,
        id             uuid NOT NULL,
        subject        text NOT NULL,
        subject_issuer text,
        kind           text NOT NULL,
        sealed_secret  bytea,
        last_step      bigint,
        credential_id  text,
        public_key     bytea,
        sign_count     bigint,
        last_used_at   timestamptz,
        created_at     timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (zone_id, id),
        UNIQUE (zone_id, credential_id),
        CHECK (kind <> 'totp' OR sealed_secret IS NOT NULL),
        CHECK (kind <> 'webauthn' OR (credential_id IS NOT NULL AND public_key IS NOT NULL AND sign_count IS NOT NULL))
      );
      CREATE INDEX authenticators_by_subject ON authenticators (zone_id, subject);
      COMMENT ON COLUMN authenticators.subject_issuer IS 'Whose name the subject is; null for ours.';
      COMMENT ON COLUMN authenticators.last_step IS 'totp: the latest step whose code was used. Each is good once.';

      CREATE TABLE enrolments (
        zone_id        uuid NOT NULL REFERENCES zones ON DELETE CASCADE,
        token_digest   bytea NOT NULL,
        subject        text NOT NULL,
        subject_issuer text,
        expires_at     timestamptz NOT NULL,
        used_at        timestamptz,
        created_at     timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (zone_id, token_digest)
      );
      CREATE INDEX enrolments_by_token ON enrolments (token_digest);
      COMMENT ON TABLE enrolments IS 'Links by which a person registers one authenticator.';
    `);
  }

  down = refuseToGoBack;
}
