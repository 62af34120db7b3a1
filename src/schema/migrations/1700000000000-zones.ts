import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What operators configure: zones, the clients and resources in them, keys and policies.
 *
 * Every key starts with `zone_id`, so that a zone is a unit of isolation, deletion and sharding.
 */
export class Zones1700000000000 implements MigrationInterface {
  name = 'Zones1700000000000';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      CREATE TABLE key_encryption_keys (
        id          text PRIMARY KEY,
        check_value bytea NOT NULL,
        created_at  timestamptz NOT NULL DEFAULT now()
      );
      COMMENT ON TABLE key_encryption_keys IS
        'One known value sealed under each key-encryption key, so that a wrong one is noticed at start.';

      CREATE TABLE zones (
        id                           uuid PRIMARY KEY,
        name                         text NOT NULL UNIQUE,
        version                      bigint NOT NULL DEFAULT 1,
        sealed_digest_key            bytea NOT NULL,
        active_policy_set_version_id uuid,
        policy_activated_at          timestamptz,
        created_at                   timestamptz NOT NULL DEFAULT now()
      );
      COMMENT ON COLUMN zones.version IS
        'Grows with every change to the zone or to anything in it; the ledger compares it before it records.';

      CREATE TABLE clients (
        zone_id             uuid NOT NULL REFERENCES zones ON DELETE CASCADE,
        id                  uuid NOT NULL,
        name                text NOT NULL,
        labels              text[] NOT NULL DEFAULT '{}',
        auth_methods        text[] NOT NULL,
        registration_method text NOT NULL DEFAULT 'manual',
        disabled_at         timestamptz,
        created_at          timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (zone_id, id),
        UNIQUE (zone_id, name)
      );
      CREATE INDEX clients_by_id ON clients (id);

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
        PRIMARY KEY (zone_id, id),
        UNIQUE (zone_id, identifier),
        FOREIGN KEY (zone_id, owner_client_id) REFERENCES clients
      );

      CREATE TABLE signing_keys (
        zone_id            uuid NOT NULL REFERENCES zones ON DELETE CASCADE,
        kid                text NOT NULL,
        alg                text NOT NULL,
        public_jwk         jsonb NOT NULL,
        sealed_private_key bytea NOT NULL,
        published_at       timestamptz NOT NULL,
        activates_at       timestamptz NOT NULL,
        retires_at         timestamptz,
        expires_at         timestamptz,
        compromised_at     timestamptz,
        PRIMARY KEY (zone_id, kid)
      );

      CREATE TABLE policies (
        zone_id    uuid NOT NULL REFERENCES zones ON DELETE CASCADE,
        id         uuid NOT NULL,
        name       text NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (zone_id, id),
        UNIQUE (zone_id, name)
      );

      CREATE TABLE policy_versions (
        zone_id    uuid NOT NULL,
        id         uuid NOT NULL,
        policy_id  uuid NOT NULL,
        version    integer NOT NULL,
        content    text NOT NULL,
        sha256     text NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (zone_id, id),
        UNIQUE (zone_id, policy_id, version),
        FOREIGN KEY (zone_id, policy_id) REFERENCES policies ON DELETE CASCADE
      );

      CREATE TABLE policy_sets (
        zone_id    uuid NOT NULL REFERENCES zones ON DELETE CASCADE,
        id         uuid NOT NULL,
        name       text NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (zone_id, id),
        UNIQUE (zone_id, name)
      );

      CREATE TABLE policy_set_versions (
        zone_id         uuid NOT NULL,
        id              uuid NOT NULL,
        policy_set_id   uuid NOT NULL,
        version         integer NOT NULL,
        manifest_sha256 text NOT NULL,
        created_at      timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (zone_id, id),
        UNIQUE (zone_id, policy_set_id, version),
        FOREIGN KEY (zone_id, policy_set_id) REFERENCES policy_sets ON DELETE CASCADE
      );

      CREATE TABLE policy_set_members (
        zone_id               uuid NOT NULL,
        policy_set_version_id uuid NOT NULL,
        policy_version_id     uuid NOT NULL,
        PRIMARY KEY (zone_id, policy_set_version_id, policy_version_id),
        FOREIGN KEY (zone_id, policy_set_version_id) REFERENCES policy_set_versions ON DELETE CASCADE,
        FOREIGN KEY (zone_id, policy_version_id) REFERENCES policy_versions ON DELETE CASCADE
      );

      ALTER TABLE zones ADD FOREIGN KEY (id, active_policy_set_version_id)
        REFERENCES policy_set_versions (zone_id, id);
    `);

    // Statement triggers on transition tables: a bulk import bumps a zone once, not once a row.
    await db.query(`
      CREATE FUNCTION zone_version_grows() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        NEW.version := OLD.version + 1;
        RETURN NEW;
      END $$;

      CREATE FUNCTION zone_notify() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        PERFORM pg_notify('mandate_zone_changed', COALESCE(NEW.id, OLD.id)::text);
        RETURN NULL;
      END $$;

      CREATE FUNCTION zone_content_added() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        UPDATE zones SET version = version WHERE id IN (SELECT zone_id FROM after_rows);
        RETURN NULL;
      END $$;

      CREATE FUNCTION zone_content_changed() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        UPDATE zones SET version = version
         WHERE id IN (SELECT zone_id FROM before_rows UNION SELECT zone_id FROM after_rows);
        RETURN NULL;
      END $$;

      CREATE FUNCTION zone_content_removed() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        UPDATE zones SET version = version WHERE id IN (SELECT zone_id FROM before_rows);
        RETURN NULL;
      END $$;

      CREATE FUNCTION zone_content_truncated() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        UPDATE zones SET version = version;
        RETURN NULL;
      END $$;

      CREATE TRIGGER zone_version_grows BEFORE UPDATE ON zones
        FOR EACH ROW EXECUTE FUNCTION zone_version_grows();
      CREATE TRIGGER zone_notify AFTER INSERT OR UPDATE OR DELETE ON zones
        FOR EACH ROW EXECUTE FUNCTION zone_notify();

      DO $$
      DECLARE t text;
      BEGIN
        FOREACH t IN ARRAY ARRAY['clients', 'client_secrets', 'resources', 'signing_keys', 'policies',
          'policy_versions', 'policy_sets', 'policy_set_versions', 'policy_set_members']
        LOOP
          EXECUTE format('CREATE TRIGGER zone_content_added AFTER INSERT ON %I
            REFERENCING NEW TABLE AS after_rows
            FOR EACH STATEMENT EXECUTE FUNCTION zone_content_added()', t);
          EXECUTE format('CREATE TRIGGER zone_content_changed AFTER UPDATE ON %I
            REFERENCING OLD TABLE AS before_rows NEW TABLE AS after_rows
            FOR EACH STATEMENT EXECUTE FUNCTION zone_content_changed()', t);
          EXECUTE format('CREATE TRIGGER zone_content_removed AFTER DELETE ON %I
            REFERENCING OLD TABLE AS before_rows
            FOR EACH STATEMENT EXECUTE FUNCTION zone_content_removed()', t);
          EXECUTE format('CREATE TRIGGER zone_content_truncated AFTER TRUNCATE ON %I
            FOR EACH STATEMENT EXECUTE FUNCTION zone_content_truncated()', t);
        END LOOP;
      END $$;

      CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        RAISE EXCEPTION '% is immutable', TG_TABLE_NAME USING ERRCODE = 'object_not_in_prerequisite_state';
      END $$;

      CREATE TRIGGER immutable BEFORE UPDATE ON policy_versions
        FOR EACH ROW EXECUTE FUNCTION refuse_change();
      CREATE TRIGGER immutable BEFORE UPDATE ON policy_set_versions
        FOR EACH ROW EXECUTE FUNCTION refuse_change();
      CREATE TRIGGER immutable BEFORE UPDATE ON policy_set_members
        FOR EACH ROW EXECUTE FUNCTION refuse_change();
    `);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`
      ALTER TABLE zones DROP CONSTRAINT zones_id_active_policy_set_version_id_fkey;
      DROP TABLE policy_set_members, policy_set_versions, policy_sets, policy_versions, policies,
        signing_keys, resources, client_secrets, clients, zones, key_encryption_keys;
      DROP FUNCTION zone_version_grows, zone_notify, zone_content_added, zone_content_changed,
        zone_content_removed, zone_content_truncated, refuse_change;
    `);
  }
}
