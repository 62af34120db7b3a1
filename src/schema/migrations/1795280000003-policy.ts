import type { MigrationInterface, QueryRunner } from 'typeorm';
import { refuseToGoBack } from './refuse-to-go-back.js';

/**
 * Policies and sets of them, each with immutable versions; which set of a zone is active, and which is
 * tried beside it.
 */
export class Policy1795280000003 implements MigrationInterface {
  name = 'Policy1795280000003';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
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
        author     text NOT NULL DEFAULT 'admin key',
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
        author          text NOT NULL DEFAULT 'admin key',
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

      ALTER TABLE zones
        ADD FOREIGN KEY (id, active_policy_set_version_id) REFERENCES policy_set_versions (zone_id, id),
        ADD FOREIGN KEY (id, shadow_policy_set_version_id) REFERENCES policy_set_versions (zone_id, id);

      -- Counts, not state: it has no trigger, so that counting does not make anybody's view of a zone old.
      CREATE TABLE shadow_differences (
        zone_id               uuid NOT NULL,
        policy_set_version_id uuid NOT NULL,
        kind                  text NOT NULL,
        client_id             uuid NOT NULL,
        count                 bigint NOT NULL,
        examples              text[] NOT NULL,
        first_at              timestamptz NOT NULL DEFAULT now(),
        last_at               timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (zone_id, policy_set_version_id, kind, client_id),
        FOREIGN KEY (zone_id, policy_set_version_id) REFERENCES policy_set_versions ON DELETE CASCADE
      );
      COMMENT ON COLUMN shadow_differences.examples IS 'Request ids of a few of the requests counted.';
    `);
  }

  down = refuseToGoBack;
}
