import type { MigrationInterface, QueryRunner } from 'typeorm';
import { refuseToGoBack } from './refuse-to-go-back.js';

/** Recorded decisions that are made again by candidate policies, in the background, and what came of it. */
export class PolicyReplays1795390100000 implements MigrationInterface {
  name = 'PolicyReplays1795390100000';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      CREATE TABLE policy_replays (
        zone_id         uuid NOT NULL REFERENCES zones ON DELETE CASCADE,
        id              uuid NOT NULL,
        operator        text NOT NULL,
        policy_set_version_id uuid,
        manifest_sha256 text NOT NULL,
        modules         jsonb,
        base_policy_set_version_id uuid,
        base_manifest_sha256 text,
        from_at         timestamptz NOT NULL,
        to_at           timestamptz NOT NULL,
        max_decisions   integer NOT NULL,
        created_at      timestamptz NOT NULL DEFAULT now(),
        state           text NOT NULL DEFAULT 'queued'
                          CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')),
        holder          uuid,
        leased_until    timestamptz NOT NULL DEFAULT '-infinity',
        cursor_id       uuid,
        progress        jsonb NOT NULL,
        problem         text,
        started_at      timestamptz,
        finished_at     timestamptz,
        PRIMARY KEY (zone_id, id),
        CHECK ((state IN ('done', 'failed', 'cancelled')) = (finished_at IS NOT NULL))
      );
      CREATE UNIQUE INDEX policy_replays_under_way ON policy_replays (zone_id) WHERE state IN ('queued', 'running');
      CREATE INDEX policy_replays_due ON policy_replays (leased_until) WHERE state IN ('queued', 'running');
      CREATE INDEX policy_replays_over ON policy_replays (finished_at) WHERE finished_at IS NOT NULL;
      COMMENT ON TABLE policy_replays IS
        'Decisions of the audit log, made again by candidate policies. modules: their texts, if no stored version was named, '
        'until it is over. holder, leased_until: the process that is at it. cursor_id: the oldest event that was looked at. '
        'progress: what was counted up to there.';

      CREATE TABLE policy_replay_differences (
        zone_id   uuid NOT NULL,
        replay_id uuid NOT NULL,
        kind      text NOT NULL,
        client_id uuid NOT NULL,
        resource  text NOT NULL,
        count     bigint NOT NULL,
        examples  text[] NOT NULL,
        PRIMARY KEY (zone_id, replay_id, kind, client_id, resource),
        FOREIGN KEY (zone_id, replay_id) REFERENCES policy_replays ON DELETE CASCADE
      );
      COMMENT ON COLUMN policy_replay_differences.examples IS 'Request ids of a few of the requests counted.';
    `);
  }

  down = refuseToGoBack;
}
