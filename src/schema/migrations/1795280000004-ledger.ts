import type { MigrationInterface, QueryRunner } from 'typeorm';
import { refuseToGoBack } from './refuse-to-go-back.js';

/**
 * What happens: sessions, revocations, what is spent, and the audit log.
 *
 * Ids are UUIDv7, whose first 48 bits are a time, so a range of ids is a range of days: tables are
 * partitioned by id, a look-up by id reads one partition, and a day that has expired is dropped.
 */
export class Ledger1795280000004 implements MigrationInterface {
  name = 'Ledger1795280000004';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      -- The migration that makes such a table adds its row, ledger_maintain() makes and drops its partitions.
      CREATE TABLE tables_by_day (
        name       text PRIMARY KEY,
        keyed_by   text NOT NULL CHECK (keyed_by IN ('id', 'date')),
        dropped    boolean NOT NULL,
        kept_while text
      );
      COMMENT ON TABLE tables_by_day IS 'Tables with a partition for each day.';
      COMMENT ON COLUMN tables_by_day.keyed_by IS 'id: UUIDv7, which begins with its time.';
      COMMENT ON COLUMN tables_by_day.dropped IS 'Whether days go when nothing in them can be alive.';
      COMMENT ON COLUMN tables_by_day.kept_while IS 'A condition: a day with such a row is kept.';

      -- A session's root has no foreign key: it may lie in a day that was dropped, and is then not live.
      CREATE TABLE sessions (
        zone_id    uuid NOT NULL,
        id         uuid NOT NULL,
        root_id    uuid NOT NULL,
        client_id  uuid NOT NULL,
        subject    text NOT NULL,
        issuer     text,
        acr        text,
        amr        text[],
        auth_time  timestamptz,
        expires_at timestamptz NOT NULL,
        ended_at   timestamptz,
        created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (zone_id, id),
        FOREIGN KEY (zone_id, client_id) REFERENCES clients ON DELETE CASCADE
      ) PARTITION BY RANGE (id);
      CREATE TABLE sessions_default PARTITION OF sessions DEFAULT;
      CREATE INDEX sessions_by_client ON sessions (zone_id, client_id, id);
      CREATE INDEX sessions_by_issuer ON sessions (zone_id, issuer) WHERE issuer IS NOT NULL;
      COMMENT ON COLUMN sessions.issuer IS 'Whose name the subject is; null for our own clients.';

      CREATE TABLE revocations (
        zone_id    uuid NOT NULL REFERENCES zones ON DELETE CASCADE,
        jti        uuid NOT NULL,
        revoked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (zone_id, jti)
      ) PARTITION BY RANGE (jti);
      CREATE TABLE revocations_default PARTITION OF revocations DEFAULT;

      -- What may be used once. The day is part of what is used, so the same thing is always on the same one.
      CREATE TABLE spent_nonces (
        zone_id uuid NOT NULL,
        purpose text NOT NULL,
        nonce   text NOT NULL,
        day     date NOT NULL,
        PRIMARY KEY (zone_id, purpose, nonce, day)
      ) PARTITION BY RANGE (day);
      CREATE TABLE spent_nonces_default PARTITION OF spent_nonces DEFAULT;

      -- No foreign key to zones: what happened in a zone outlives it.
      CREATE TABLE audit_events (
        zone_id       uuid NOT NULL,
        id            uuid NOT NULL,
        occurred_at   timestamptz NOT NULL,
        writer        uuid NOT NULL,
        seq           bigint NOT NULL,
        request_id    text NOT NULL,
        type          text NOT NULL,
        outcome       text NOT NULL,
        client_id     uuid,
        jti           uuid,
        previous_hash bytea NOT NULL,
        hash          bytea NOT NULL,
        event         jsonb NOT NULL,
        PRIMARY KEY (zone_id, id)
      ) PARTITION BY RANGE (id);
      CREATE TABLE audit_events_default PARTITION OF audit_events DEFAULT;
      CREATE INDEX audit_events_by_request ON audit_events (zone_id, request_id);
      -- Operators ask for a request by its id alone.
      CREATE INDEX audit_events_by_request_id ON audit_events (request_id);
      CREATE INDEX audit_events_by_jti ON audit_events (zone_id, jti) WHERE jti IS NOT NULL;
      CREATE INDEX audit_events_by_chain ON audit_events (zone_id, writer, seq);

      CREATE TABLE audit_chains (
        zone_id uuid NOT NULL,
        writer  uuid NOT NULL,
        seq     bigint NOT NULL,
        hash    bytea NOT NULL,
        PRIMARY KEY (zone_id, writer)
      ) WITH (fillfactor = 50);
      COMMENT ON TABLE audit_chains IS
        'The head of each hash chain. One chain per zone and writing process, so writers never wait for each other.';

      INSERT INTO tables_by_day (name, keyed_by, dropped, kept_while) VALUES
        ('audit_events', 'id', false, NULL),
        ('spent_nonces', 'date', true, NULL),
        ('revocations', 'id', true, NULL),
        -- A service with a heartbeat lives on; of the others nothing does, by the lifetimes of today.
        ('sessions', 'id', true, 'ended_at IS NULL AND expires_at > now()');
    `);
  }

  down = refuseToGoBack;
}
