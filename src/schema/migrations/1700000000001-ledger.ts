import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What happens: sessions, revocations and the audit log, and the one function that records.
 *
 * Ids are UUIDv7, whose first 48 bits are a time, so a range of ids is a range of days: tables are
 * partitioned by id, a look-up by id reads one partition, and a day that has expired is dropped.
 */
export class Ledger1700000000001 implements MigrationInterface {
  name = 'Ledger1700000000001';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
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
      CREATE INDEX audit_events_by_jti ON audit_events (zone_id, jti) WHERE jti IS NOT NULL;
      CREATE INDEX audit_events_by_chain ON audit_events (zone_id, writer, seq);
      CREATE TRIGGER immutable BEFORE UPDATE OR DELETE ON audit_events
        FOR EACH ROW EXECUTE FUNCTION refuse_change();
      -- Partitions do not inherit triggers for TRUNCATE.
      CREATE TRIGGER immutable_whole BEFORE TRUNCATE ON audit_events
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
      CREATE TRIGGER immutable_whole BEFORE TRUNCATE ON audit_events_default
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

      CREATE TABLE audit_chains (
        zone_id uuid NOT NULL,
        writer  uuid NOT NULL,
        seq     bigint NOT NULL,
        hash    bytea NOT NULL,
        PRIMARY KEY (zone_id, writer)
      ) WITH (fillfactor = 50);
      COMMENT ON TABLE audit_chains IS
        'The head of each hash chain. One chain per zone and writing process, so writers never wait for each other.';
    `);

    await db.query(`
      -- Appends one event to the chain of its zone and writer.
      -- The canonical form of an event is the text of its jsonb: hash = sha256(previous || event::text).
      CREATE FUNCTION audit_append(p_zone uuid, p_writer uuid, p_id uuid, p_event jsonb)
      RETURNS void LANGUAGE plpgsql AS $$
      DECLARE
        head  audit_chains%ROWTYPE;
        at    timestamptz := clock_timestamp();
        full_event jsonb;
        next_hash  bytea;
      BEGIN
        SELECT * INTO head FROM audit_chains c WHERE c.zone_id = p_zone AND c.writer = p_writer FOR UPDATE;
        IF NOT FOUND THEN
          head := ROW(p_zone, p_writer, 0, decode(repeat('00', 32), 'hex'));
          INSERT INTO audit_chains SELECT head.*;
        END IF;
        full_event := p_event || jsonb_build_object(
          'id', p_id, 'zone_id', p_zone, 'writer', p_writer, 'seq', head.seq + 1,
          'occurred_at', to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'));
        next_hash := sha256(head.hash || convert_to(full_event::text, 'UTF8'));
        INSERT INTO audit_events (zone_id, id, occurred_at, writer, seq, request_id, type, outcome,
                                  client_id, jti, previous_hash, hash, event)
        VALUES (p_zone, p_id, at, p_writer, head.seq + 1, full_event->>'request_id', full_event->>'type',
                full_event->>'outcome', (full_event->>'client_id')::uuid,
                (full_event->'mandate'->>'jti')::uuid, head.hash, next_hash, full_event);
        UPDATE audit_chains c SET seq = head.seq + 1, hash = next_hash
         WHERE c.zone_id = p_zone AND c.writer = p_writer;
      END $$;

      -- Commits a batch of entries: re-checks each one's facts and records its outcome. The entries
      -- stand or fall alone. Facts are read with a snapshot taken after the call arrived, so a change
      -- that was acknowledged before a request began is always seen.
      --
      -- status 'recorded': the event is in the log as it was given.
      -- status 'refused':  a fact moved, the event is in the log as the denial that the fact names.
      -- status 'stale':    the entry was evaluated on an old view; nothing is recorded, evaluate again.
      CREATE FUNCTION ledger_commit(p_writer uuid, p_entries jsonb)
      RETURNS TABLE (ord bigint, status text, fact_index integer)
      LANGUAGE plpgsql AS $$
      DECLARE
        e        record;
        f        record;
        v_zone   uuid;
        v_event  jsonb;
        v_live   boolean;
      BEGIN
        PERFORM set_config('synchronous_commit', 'on', true);
        -- Whoever spends the same elsewhere is waited for here, in one order for all batches: those that
        -- took what is to be spent as it comes would wait for each other.
        PERFORM pg_advisory_xact_lock(nonces.key) FROM (
          SELECT DISTINCT hashtextextended(
                   concat_ws(' ', entry->>'zone_id', fact->>'purpose', fact->>'nonce'), 0) AS key
            FROM jsonb_array_elements(p_entries) AS entry, jsonb_array_elements(entry->'facts') AS fact
           WHERE fact->>'kind' = 'nonce_unspent' ORDER BY key) AS nonces;
        IF p_entries @? '$[*].facts[*] ? (@.kind == "delegation_unspent")' THEN
          PERFORM delegation_lock(p_entries);
        END IF;
        FOR e IN SELECT x.value AS entry, x.ordinality AS n
                   FROM jsonb_array_elements(p_entries) WITH ORDINALITY AS x
        LOOP
          ord := e.n;
          v_zone := (e.entry->>'zone_id')::uuid;
          v_event := e.entry->'event';
          status := 'recorded';
          fact_index := NULL;

          IF e.entry ? 'zone_version' AND NOT EXISTS (
               SELECT 1 FROM zones z
                WHERE z.id = v_zone AND z.version = (e.entry->>'zone_version')::bigint) THEN
            status := 'stale';
          ELSIF e.entry ? 'absent_client' AND EXISTS (
               SELECT 1 FROM clients c WHERE c.id = (e.entry->>'absent_client')::uuid) THEN
            status := 'stale';
          END IF;
          IF status = 'stale' THEN
            RETURN NEXT;
            CONTINUE;
          END IF;

          FOR f IN SELECT x.value AS fact, x.ordinality AS n
                     FROM jsonb_array_elements(e.entry->'facts') WITH ORDINALITY AS x
          LOOP
            CASE f.fact->>'kind'
              WHEN 'session_live' THEN
                v_live := EXISTS (
                  SELECT 1 FROM sessions s
                   WHERE s.zone_id = v_zone AND s.id = (f.fact->>'id')::uuid
                     AND s.ended_at IS NULL AND s.expires_at > clock_timestamp());
              WHEN 'token_not_revoked' THEN
                v_live := NOT EXISTS (
                  SELECT 1 FROM revocations r WHERE r.zone_id = v_zone AND r.jti = (f.fact->>'jti')::uuid);
              WHEN 'nonce_unspent' THEN
                -- A twin that is being spent elsewhere is waited for.
                INSERT INTO spent_nonces (zone_id, purpose, nonce, day)
                VALUES (v_zone, f.fact->>'purpose', f.fact->>'nonce', (f.fact->>'day')::date)
                ON CONFLICT DO NOTHING;
                v_live := FOUND;
              WHEN 'agent_session_live' THEN
                v_live := agent_session_live(v_zone, (f.fact->>'id')::uuid);
              WHEN 'delegation_live' THEN
                v_live := delegation_live(v_zone, (f.fact->>'id')::uuid, f.fact->'versions');
              WHEN 'delegation_unspent' THEN
                v_live := delegation_unspent(v_zone, (f.fact->>'id')::uuid);
              WHEN 'clock_agrees' THEN
                v_live := abs(extract(epoch FROM clock_timestamp()) - (f.fact->>'now')::numeric)
                            <= (f.fact->>'tolerance')::numeric;
              ELSE
                RAISE EXCEPTION 'unknown fact %', f.fact->>'kind';
            END CASE;
            IF NOT v_live THEN
              status := 'refused';
              fact_index := f.n - 1;
              v_event := (v_event - 'mandate') || (f.fact->'otherwise');
              EXIT;
            END IF;
          END LOOP;

          IF status = 'recorded' THEN
            -- Only now, when every fact holds, and still under the lock that it was looked at under.
            PERFORM delegation_draw(v_zone, (x.fact->>'id')::uuid)
               FROM jsonb_array_elements(e.entry->'facts') AS x (fact)
              WHERE x.fact->>'kind' = 'delegation_unspent';
          END IF;

          IF status = 'recorded' AND e.entry ? 'session' THEN
            INSERT INTO sessions (zone_id, id, root_id, client_id, subject, issuer, acr, amr, auth_time, expires_at)
            SELECT v_zone, s.id, s.root_id, s.client_id, s.subject, s.issuer, s.acr, s.amr,
                   to_timestamp(s.auth_time), to_timestamp(s.expires_at)
              FROM jsonb_to_record(e.entry->'session')
                AS s(id uuid, root_id uuid, client_id uuid, subject text, issuer text, acr text, amr text[],
                     auth_time double precision, expires_at double precision);
          END IF;

          PERFORM audit_append(v_zone, p_writer, (e.entry->>'event_id')::uuid, v_event);
          RETURN NEXT;
        END LOOP;
      END $$;
    `);

    await db.query(`
      -- The smallest UUIDv7 of a moment.
      CREATE FUNCTION uuid_from_time(p_at timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
        SELECT (lpad(to_hex((extract(epoch FROM p_at) * 1000)::bigint), 12, '0')
                || '00000000000000000000')::uuid
      $$;

      -- Makes the partitions of the coming days and drops the days in which nothing can be alive.
      -- Sessions and tokens live for a day at most; one more day is kept for people who look.
      CREATE FUNCTION ledger_maintain(p_days_ahead integer DEFAULT 7) RETURNS void LANGUAGE plpgsql AS $$
      DECLARE
        parent text;
        day    date;
        part   record;
        alive  boolean;
      BEGIN
        PERFORM pg_advisory_xact_lock(hashtext('mandate.ledger_maintain'));
        FOREACH parent IN ARRAY ARRAY['sessions', 'revocations', 'audit_events', 'spent_nonces',
                                      'agent_sessions', 'delegation_edges']
        LOOP
          -- Later migrations make the last two.
          CONTINUE WHEN to_regclass(parent) IS NULL;
          FOR i IN 0..p_days_ahead LOOP
            day := (now() AT TIME ZONE 'UTC')::date + i;
            IF to_regclass(format('%I', parent || '_' || to_char(day, 'YYYYMMDD'))) IS NULL THEN
              BEGIN
                IF parent = 'spent_nonces' THEN
                  EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)',
                    parent || '_' || to_char(day, 'YYYYMMDD'), parent, day, day + 1);
                ELSE
                  EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)',
                    parent || '_' || to_char(day, 'YYYYMMDD'), parent,
                    uuid_from_time(day::timestamp AT TIME ZONE 'UTC'),
                    uuid_from_time((day + 1)::timestamp AT TIME ZONE 'UTC'));
                END IF;
                IF parent = 'audit_events' THEN
                  EXECUTE format('CREATE TRIGGER immutable_whole BEFORE TRUNCATE ON %I
                    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', parent || '_' || to_char(day, 'YYYYMMDD'));
                END IF;
              EXCEPTION WHEN check_violation THEN
                -- Rows of that day are in the default partition already; they stay there.
                RAISE WARNING 'partition of % for % not made: rows are in the default partition', parent, day;
              END;
            END IF;
          END LOOP;
        END LOOP;
        FOR part IN
          SELECT c.relname, p.relname AS parent FROM pg_inherits i
            JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_class p ON p.oid = i.inhparent
           WHERE p.oid IN ('sessions'::regclass, 'revocations'::regclass, 'spent_nonces'::regclass,
                           to_regclass('agent_sessions'), to_regclass('delegation_edges'))
             AND c.relname ~ '_[0-9]{8}$'
             AND to_date(right(c.relname, 8), 'YYYYMMDD') < (now() AT TIME ZONE 'UTC')::date - 2
        LOOP
          IF part.parent IN ('sessions', 'agent_sessions', 'delegation_edges') THEN
            -- A service with a heartbeat lives on; of the others nothing does, by the lifetimes of today.
            EXECUTE format('SELECT EXISTS (SELECT 1 FROM %I WHERE %I IS NULL AND expires_at > now())',
              part.relname, CASE part.parent WHEN 'delegation_edges' THEN 'revoked_at' ELSE 'ended_at' END)
              INTO alive;
            CONTINUE WHEN alive;
          END IF;
          EXECUTE format('DROP TABLE %I', part.relname);
        END LOOP;
      END $$;

      SELECT ledger_maintain();
    `);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`
      DROP FUNCTION ledger_maintain, uuid_from_time, ledger_commit, audit_append;
      DROP TABLE audit_chains, audit_events, spent_nonces, revocations, sessions;
    `);
  }
}
