import type { MigrationInterface, QueryRunner } from 'typeorm';
import { refuseToGoBack } from './refuse-to-go-back.js';

/**
 * A zone may be an issuer of its own, and what it has issued may be taken back by generations. Zones that exist keep
 * the issuer that they have.
 */
export class IssuersAndGenerations1795340000000 implements MigrationInterface {
  name = 'IssuersAndGenerations1795340000000';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      ALTER TABLE zones
        ADD COLUMN issuer_mode text NOT NULL DEFAULT 'shared' CHECK (issuer_mode IN ('zone', 'own', 'shared')),
        ADD COLUMN issuer_url text UNIQUE,
        ADD COLUMN previous_issuer text,
        ADD COLUMN previous_issuer_until timestamptz,
        ADD COLUMN generation integer NOT NULL DEFAULT 0 CHECK (generation >= 0),
        ADD COLUMN subject_generations boolean NOT NULL DEFAULT false,
        ADD COLUMN introspection_audit text NOT NULL DEFAULT 'none' CHECK (introspection_audit IN ('none', 'refused', 'all')),
        ADD CHECK ((issuer_mode = 'own') = (issuer_url IS NOT NULL)),
        ADD CHECK ((previous_issuer IS NULL) = (previous_issuer_until IS NULL));
      COMMENT ON COLUMN zones.issuer_mode IS
        'Who mandates are from: the zone by its path, by a host of its own (issuer_url), or the installation.';
      COMMENT ON COLUMN zones.previous_issuer IS
        'The issuer before the last change, whose mandates are accepted until previous_issuer_until.';
      COMMENT ON COLUMN zones.generation IS
        'Grows when all that the zone has issued is taken back; mandates carry it.';
      COMMENT ON COLUMN zones.subject_generations IS
        'Whether a subject was ever taken back: only then does a commit ask about subjects.';

      ALTER TABLE resources
        ADD COLUMN revocation text CHECK (revocation IN ('introspect', 'status_list', 'feed', 'expiry')),
        ADD COLUMN listed boolean NOT NULL DEFAULT false,
        ADD COLUMN introspection_client_ids uuid[] NOT NULL DEFAULT '{}',
        ADD COLUMN generation integer NOT NULL DEFAULT 0 CHECK (generation >= 0);
      COMMENT ON COLUMN resources.revocation IS
        'How its verifiers learn that a mandate was taken back; null where they have not said.';
      COMMENT ON COLUMN resources.listed IS 'Whether the metadata of the zone names it (RFC 9728 4).';

      ALTER TABLE clients ADD COLUMN generation integer NOT NULL DEFAULT 0 CHECK (generation >= 0);
      ALTER TABLE trusted_issuers ADD COLUMN generation integer NOT NULL DEFAULT 0 CHECK (generation >= 0);

      CREATE TABLE generations (
        zone_id uuid NOT NULL REFERENCES zones ON DELETE CASCADE,
        kind text NOT NULL CHECK (kind IN ('subject')),
        key_hash bytea NOT NULL CHECK (length(key_hash) = 32),
        gen integer NOT NULL CHECK (gen > 0),
        not_before timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (zone_id, kind, key_hash)
      );
      COMMENT ON TABLE generations IS
        'What is taken back and has no row of its own. key_hash: SHA-256 of what is named; not_before: when it was taken back last.';

      CREATE TABLE revocation_orders (
        zone_id uuid NOT NULL REFERENCES zones ON DELETE CASCADE,
        id uuid NOT NULL,
        target jsonb NOT NULL,
        reason text NOT NULL,
        reason_code text,
        actor text NOT NULL,
        generation integer,
        affects jsonb NOT NULL,
        expires_at timestamptz,
        at timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (zone_id, id)
      );
      COMMENT ON TABLE revocation_orders IS 'What operators have taken back. Never changed, never removed but with its zone.';
    `);
  }

  down = refuseToGoBack;
}
