import type { MigrationInterface, QueryRunner } from 'typeorm';
import { refuseToGoBack } from './refuse-to-go-back.js';

/** Streams of shared signals (OpenID SSF 1.0), and the events that are on them until they were received. */
export class SsfStreams1795341900000 implements MigrationInterface {
  name = 'SsfStreams1795341900000';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      CREATE TABLE ssf_streams (
        zone_id              uuid NOT NULL,
        id                   uuid NOT NULL,
        client_id            uuid NOT NULL,
        delivery             text NOT NULL CHECK (delivery IN ('push', 'poll')),
        endpoint_url         text,
        sealed_authorization bytea,
        events_requested     text[],
        description          text,
        status               text NOT NULL DEFAULT 'enabled' CHECK (status IN ('enabled', 'paused', 'disabled')),
        status_reason        text,
        dropping_since       timestamptz,
        verified_at          timestamptz,
        attempts             integer NOT NULL DEFAULT 0,
        due_at               timestamptz NOT NULL DEFAULT clock_timestamp(),
        last_error           text,
        created_at           timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (zone_id, id),
        UNIQUE (zone_id, client_id),
        FOREIGN KEY (zone_id, client_id) REFERENCES clients ON DELETE CASCADE,
        CHECK ((delivery = 'push') = (endpoint_url IS NOT NULL))
      );
      CREATE INDEX ssf_streams_due ON ssf_streams (due_at) WHERE delivery = 'push';
      COMMENT ON COLUMN ssf_streams.events_requested IS 'The types of event that the receiver wants; null for all.';
      COMMENT ON COLUMN ssf_streams.dropping_since IS
        'Since when no more is put on it, because too much waits on it: status_reason says so.';
      COMMENT ON COLUMN ssf_streams.due_at IS
        'When it is to be sent to next. Whoever sends moves this on first, so that another one does if it dies.';

      CREATE TABLE ssf_subjects (
        zone_id    uuid NOT NULL,
        stream_id  uuid NOT NULL,
        digest     bytea NOT NULL,
        subject    jsonb NOT NULL,
        removed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (zone_id, stream_id, digest),
        FOREIGN KEY (zone_id, stream_id) REFERENCES ssf_streams ON DELETE CASCADE
      );
      COMMENT ON TABLE ssf_subjects IS
        'The subjects that receivers have taken off their streams: all others are on them. digest: SHA-256 of subject as text.';

      CREATE TABLE ssf_outbox (
        zone_id    uuid NOT NULL,
        seq        bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
        txn        uuid NOT NULL,
        event_type text NOT NULL,
        sub_id     jsonb NOT NULL,
        event      jsonb NOT NULL,
        PRIMARY KEY (zone_id, seq)
      );
      COMMENT ON TABLE ssf_outbox IS
        'What has happened and is not on the streams of its zone yet. A null iss in sub_id is the issuer of the zone.';

      CREATE TABLE ssf_deliveries (
        zone_id    uuid NOT NULL,
        stream_id  uuid NOT NULL,
        seq        bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
        jti        uuid NOT NULL,
        txn        uuid NOT NULL,
        event_type text NOT NULL,
        sub_id     jsonb NOT NULL,
        event      jsonb NOT NULL,
        control    boolean NOT NULL DEFAULT false,
        created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (zone_id, stream_id, seq),
        UNIQUE (zone_id, stream_id, jti),
        FOREIGN KEY (zone_id, stream_id) REFERENCES ssf_streams ON DELETE CASCADE
      );
      COMMENT ON TABLE ssf_deliveries IS 'What is on a stream until it was received, in the order of seq.';
      COMMENT ON COLUMN ssf_deliveries.control IS 'Says how it is with the stream: sent also while that is paused.';
    `);
  }

  down = refuseToGoBack;
}
