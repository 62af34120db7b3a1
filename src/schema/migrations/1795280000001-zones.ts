import type { MigrationInterface, QueryRunner } from 'typeorm';
import { refuseToGoBack } from './refuse-to-go-back.js';

/**
 * Zones, and the clients, issuers, resources and types of challenge in them.
 *
 * Every key starts with `zone_id`, so that a zone is a unit of isolation, deletion and sharding.
 */
export class Zones1795280000001 implements MigrationInterface {
  name = 'Zones1795280000001';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      CREATE DOMAIN zone_alg AS text CHECK (VALUE IN ('ES256', 'ES384', 'EdDSA', 'RS256', 'PS256'));

      CREATE TABLE zones (
        id                           uuid PRIMARY KEY,
        name                         text NOT NULL UNIQUE,
        version                      bigint NOT NULL DEFAULT 1,
        sealed_digest_key            bytea NOT NULL,
        active_policy_set_version_id uuid,
        policy_activated_at          timestamptz,
        created_at                   timestamptz NOT NULL DEFAULT now(),
        policy_schema_extension      text,
        shadow_policy_set_version_id uuid,
        signing_alg                  zone_alg NOT NULL DEFAULT 'ES256',
        previous_signing_alg         zone_alg,
        rotation_days                integer NOT NULL DEFAULT 30 CHECK (rotation_days BETWEEN 0 AND 3650),
        publish_x5c                  boolean NOT NULL DEFAULT false
      );
      COMMENT ON COLUMN zones.version IS
        'Grows with every change to the zone or to anything in it; the ledger compares it before it records.';
      COMMENT ON COLUMN zones.previous_signing_alg IS
        'Signs until a key of signing_alg may.';
      COMMENT ON COLUMN zones.rotation_days IS 'How old a signing key may become; 0 for any age.';

      CREATE TABLE trusted_issuers (
        zone_id            uuid NOT NULL REFERENCES zones ON DELETE CASCADE,
        id                 uuid NOT NULL,
        issuer             text NOT NULL,
        jwks               jsonb,
        jwks_uri           text,
        audiences          text[] NOT NULL DEFAULT '{}',
        algorithms         text[] NOT NULL,
        token_types        text[] NOT NULL,
        claim_conditions   jsonb NOT NULL DEFAULT '{}',
        subject_claim      text NOT NULL DEFAULT 'sub',
        label_claims       text[] NOT NULL DEFAULT '{}',
        allowed_client_ids uuid[] NOT NULL DEFAULT '{}',
        max_age_seconds    integer CHECK (max_age_seconds > 0),
        created_at         timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (zone_id, id),
        UNIQUE (zone_id, issuer),
        CHECK ((jwks IS NULL) <> (jwks_uri IS NULL))
      );
      COMMENT ON COLUMN trusted_issuers.issuer IS 'Exactly what its tokens have in iss.';
      COMMENT ON COLUMN trusted_issuers.allowed_client_ids IS 'Empty for all clients.';

      CREATE TABLE clients (
        zone_id             uuid NOT NULL REFERENCES zones ON DELETE CASCADE,
        id                  uuid NOT NULL,
        name                text NOT NULL,
        labels              text[] NOT NULL DEFAULT '{}',
        auth_methods        text[] NOT NULL,
        registration_method text NOT NULL DEFAULT 'manual',
        disabled_at         timestamptz,
        created_at          timestamptz NOT NULL DEFAULT now(),
        groups              text[] NOT NULL DEFAULT '{}',
        jwks                jsonb,
        jwks_uri            text,
        workload_issuer     text,
        workload_subject    text,
        PRIMARY KEY (zone_id, id),
        UNIQUE (zone_id, name),
        CHECK (jwks IS NULL OR jwks_uri IS NULL),
        CHECK ((workload_issuer IS NULL) = (workload_subject IS NULL)),
        CONSTRAINT clients_workload_issuer_fkey
          FOREIGN KEY (zone_id, workload_issuer) REFERENCES trusted_issuers (zone_id, issuer)
      );
      CREATE INDEX clients_by_id ON clients (id);
      COMMENT ON COLUMN clients.workload_subject IS
        'The workload, in the words of workload_issuer, whose token authenticates the client.';

      CREATE TABLE client_secrets (
        zone_id    uuid NOT NULL,
        client_id  uuid NOT NULL,
        id         uuid NOT NULL,
        kind       text NOT NULL CHECK (kind IN ('digest', 'argon2id')),
        verifier   text NOT NULL,
        expires_at timestamptz,
        revoked_at timestamptz,
        created_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (zone_id, client_id, id),
        FOREIGN KEY (zone_id, client_id) REFERENCES clients ON DELETE CASCADE
      );
      COMMENT ON COLUMN client_secrets.verifier IS
        'digest: hex HMAC-SHA-256 under the digest key of the zone; argon2id: a PHC string.';

      CREATE TABLE resources (
        zone_id         uuid NOT NULL REFERENCES zones ON DELETE CASCADE,
        id              uuid NOT NULL,
        identifier      text NOT NULL,
        scopes          text[] NOT NULL DEFAULT '{}',
        upstream_url    text,
        owner_client_id uuid,
        access          text NOT NULL DEFAULT 'direct' CHECK (access IN ('direct', 'gateway')),
        operations      jsonb NOT NULL DEFAULT '[]',
        created_at      timestamptz NOT NULL DEFAULT now(),
        signing_alg     zone_alg,
        PRIMARY KEY (zone_id, id),
        UNIQUE (zone_id, identifier),
        FOREIGN KEY (zone_id, owner_client_id) REFERENCES clients
      );
      COMMENT ON COLUMN resources.signing_alg IS 'Null: whatever the zone signs with.';

      CREATE TABLE step_up_types (
        zone_id                uuid NOT NULL REFERENCES zones ON DELETE CASCADE,
        type                   text NOT NULL,
        lifetime_seconds       integer NOT NULL CHECK (lifetime_seconds BETWEEN 30 AND 86400),
        satisfied_by           text[] NOT NULL,
        quorum                 integer NOT NULL CHECK (quorum BETWEEN 1 AND 10),
        requester_may_satisfy  boolean NOT NULL,
        subject_may_satisfy    boolean NOT NULL,
        acr                    text NOT NULL,
        reuse_seconds          integer NOT NULL CHECK (reuse_seconds BETWEEN 0 AND 86400),
        created_at             timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (zone_id, type)
      );
      COMMENT ON TABLE step_up_types IS 'How a zone wants a type of challenge; types that are not in here have their defaults.';
    `);
  }

  down = refuseToGoBack;
}
