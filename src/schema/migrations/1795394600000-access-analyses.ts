import type { MigrationInterface, QueryRunner } from 'typeorm';
import { placeTable } from './place-table.js';
import { refuseToGoBack } from './refuse-to-go-back.js';

/** What of the authority of a zone was used in the last days, as a look through its audit log in the background finds it. */
export class AccessAnalyses1795394600000 implements MigrationInterface {
  name = 'AccessAnalyses1795394600000';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      CREATE TABLE access_analyses (
        zone_id         uuid NOT NULL,
        id              uuid NOT NULL,
        operator        text NOT NULL,
        days            integer NOT NULL,
        base_policy_set_version_id uuid,
        base_manifest_sha256 text,
        from_at         timestamptz NOT NULL,
        to_at           timestamptz NOT NULL,
        log_complete_since timestamptz NOT NULL,
        created_at      timestamptz NOT NULL DEFAULT now(),
        state           text NOT NULL DEFAULT 'queued'
                          CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')),
        holder          uuid,
        leased_until    timestamptz NOT NULL DEFAULT '-infinity',
        cursor_id       uuid,
        progress        jsonb NOT NULL,
        uses            bigint NOT NULL DEFAULT 0,
        problem         text,
        started_at      timestamptz,
        finished_at     timestamptz,
        PRIMARY KEY (zone_id, id),
        CHECK ((state IN ('done', 'failed', 'cancelled')) = (finished_at IS NOT NULL))
      );
      CREATE UNIQUE INDEX access_analyses_under_way ON access_analyses (zone_id) WHERE state IN ('queued', 'running');
      CREATE INDEX access_analyses_due ON access_analyses (leased_until) WHERE state IN ('queued', 'running');
      CREATE INDEX access_analyses_over ON access_analyses (finished_at) WHERE finished_at IS NOT NULL;
      COMMENT ON TABLE access_analyses IS
        'What of the authority of a zone was used, by its audit log. holder, leased_until: the process that is at it. '
        'cursor_id: the oldest event that was looked at. progress: what was counted up to there. uses: rows of access_uses.';

      CREATE TABLE access_uses (
        zone_id     uuid NOT NULL,
        analysis_id uuid NOT NULL,
        used_by     text NOT NULL CHECK (used_by IN ('client', 'delegation')),
        user_id     uuid NOT NULL,
        what        bytea NOT NULL,
        resource    text NOT NULL,
        scope       text NOT NULL,
        count       bigint NOT NULL,
        last_at     timestamptz,
        PRIMARY KEY (zone_id, analysis_id, used_by, user_id, what)
      );
      COMMENT ON TABLE access_uses IS
        'What a client, or a delegation, has used of a resource: once with an empty scope, and once for each scope. what: SHA-256 '
        'of resource and scope. count: decisions that let it pass; 0 for a scope that policy would let pass, and that was not used.';
    `);
    await placeTable(db, 'access_analyses');
    await placeTable(db, 'access_uses');
    await db.query(`
      ALTER TABLE access_analyses ADD FOREIGN KEY (zone_id) REFERENCES zones ON DELETE CASCADE;
      ALTER TABLE access_uses
        ADD FOREIGN KEY (zone_id, analysis_id) REFERENCES access_analyses ON DELETE CASCADE;
    `);
  }

  down = refuseToGoBack;
}
