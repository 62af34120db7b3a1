import type { MigrationInterface, QueryRunner } from 'typeorm';
import { refuseToGoBack } from './refuse-to-go-back.js';

/**
 * The revocation feed: what was taken back and is still to be given its position, and what has one. Rows of the first go
 * within a second, those of the second an hour later, when they concern no mandate any more, so neither is partitioned.
 */
export class RevocationFeed1795345000007 implements MigrationInterface {
  name = 'RevocationFeed1795345000007';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      -- No foreign keys to zones: that a zone is gone is an item, too.
      CREATE TABLE revocation_notices (
        zone_id     uuid NOT NULL,
        id          bigint GENERATED ALWAYS AS IDENTITY,
        kind        text NOT NULL,
        key         bytea,
        gen         integer,
        below_id    uuid,
        below_until uuid,
        at          timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (zone_id, id)
      );
      COMMENT ON TABLE revocation_notices IS 'What was taken back and has no position in revocation_feed yet.';
      COMMENT ON COLUMN revocation_notices.key IS 'Null: it is no item itself, only what rests on it.';
      COMMENT ON COLUMN revocation_notices.below_id IS 'What rests on this is to be found; null if that is no item.';
      COMMENT ON COLUMN revocation_notices.below_until IS 'It was, down to this id.';

      -- Never with a cache: numbers would not be drawn in their order.
      CREATE SEQUENCE revocation_feed_positions CACHE 1;
      CREATE TABLE revocation_feed (
        zone_id  uuid NOT NULL,
        position bigint NOT NULL,
        at       timestamptz NOT NULL,
        until    timestamptz NOT NULL,
        kind     text NOT NULL,
        key      bytea NOT NULL,
        gen      integer,
        PRIMARY KEY (zone_id, position)
      );
      CREATE INDEX revocation_feed_by_key ON revocation_feed (zone_id, key);
      CREATE INDEX revocation_feed_by_until ON revocation_feed (until);
      COMMENT ON TABLE revocation_feed IS 'What was taken back, for those who verify mandates offline. The latest of a key counts.';
      COMMENT ON COLUMN revocation_feed.gen IS 'Mandates of lower generations are dead; null: all.';
      COMMENT ON COLUMN revocation_feed.until IS 'From then on it concerns no mandate that has not expired.';
    `);
  }

  down = refuseToGoBack;
}
