import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Challenges: requests that wait for somebody to confirm them.
 *
 * A challenge is opened and spent by the ledger, in the commit that records why; in between people and
 * systems decide on it, each in a transaction of their own.
 */
export class StepUp1700000000006 implements MigrationInterface {
  name = 'StepUp1700000000006';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
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
      CREATE TRIGGER zone_content_added AFTER INSERT ON step_up_types
        REFERENCING NEW TABLE AS after_rows FOR EACH STATEMENT EXECUTE FUNCTION zone_content_added();
      CREATE TRIGGER zone_content_changed AFTER UPDATE ON step_up_types
        REFERENCING OLD TABLE AS before_rows NEW TABLE AS after_rows
        FOR EACH STATEMENT EXECUTE FUNCTION zone_content_changed();
      CREATE TRIGGER zone_content_removed AFTER DELETE ON step_up_types
        REFERENCING OLD TABLE AS before_rows FOR EACH STATEMENT EXECUTE FUNCTION zone_content_removed();
      CREATE TRIGGER zone_content_truncated AFTER TRUNCATE ON step_up_types
        FOR EACH STATEMENT EXECUTE FUNCTION zone_content_truncated();

      -- Partitioned as sessions are. What may lie in a day that was dropped has no foreign key.
      CREATE TABLE challenges (
        zone_id               uuid NOT NULL,
        id                    uuid NOT NULL,
        type                  text NOT NULL,
        binding               bytea NOT NULL,
        policy_set_version_id uuid,
        client_id             uuid NOT NULL,
        subject               text NOT NULL,
        subject_issuer        text,
        subject_type          text NOT NULL,
        involved_client_ids   uuid[] NOT NULL,
        request               jsonb NOT NULL,
        terms                 jsonb NOT NULL,
        quorum                integer NOT NULL,
        approvals             integer NOT NULL DEFAULT 0,
        wrong_responses       integer NOT NULL DEFAULT 0,
        decision              text CHECK (decision IN ('approved', 'rejected')),
        decided_at            timestamptz,
        acr                   text,
        amr                   text[],
        auth_time             timestamptz,
        consumed_at           timestamptz,
        consumed_event_id     uuid,
        expires_at            timestamptz NOT NULL,
        created_at            timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (zone_id, id),
        FOREIGN KEY (zone_id, client_id) REFERENCES clients ON DELETE CASCADE,
        CHECK ((decision IS NULL) = (decided_at IS NULL)),
        CHECK (consumed_at IS NULL OR decision = 'approved')
      ) PARTITION BY RANGE (id);
      CREATE TABLE challenges_default PARTITION OF challenges DEFAULT;
      CREATE INDEX challenges_by_id ON challenges (id);
      CREATE INDEX challenges_by_binding ON challenges (zone_id, binding);
      CREATE INDEX challenges_undecided_by_client ON challenges (zone_id, client_id, expires_at) WHERE decision IS NULL;
      CREATE INDEX challenges_undecided_by_subject ON challenges (zone_id, subject, expires_at) WHERE decision IS NULL;
      COMMENT ON COLUMN challenges.binding IS 'SHA-256 of everything that the challenge stands for: whoever redeems it must ask for exactly that.';
      COMMENT ON COLUMN challenges.involved_client_ids IS 'Clients in the chain that asks. None of them may decide, whatever the type says.';
      COMMENT ON COLUMN challenges.request IS 'What is asked for, to be shown to those who decide.';
      COMMENT ON COLUMN challenges.terms IS 'Those of its type when it was opened.';

      -- Everybody who joined a challenge has a secret of its own. These go with the challenges of their day;
      -- a foreign key would keep that from being dropped.
      CREATE TABLE challenge_secrets (
        zone_id      uuid NOT NULL REFERENCES zones ON DELETE CASCADE,
        challenge_id uuid NOT NULL,
        digest       bytea NOT NULL,
        PRIMARY KEY (zone_id, challenge_id, digest)
      ) PARTITION BY RANGE (challenge_id);
      CREATE TABLE challenge_secrets_default PARTITION OF challenge_secrets DEFAULT;

      CREATE TABLE challenge_decisions (
        zone_id      uuid NOT NULL REFERENCES zones ON DELETE CASCADE,
        challenge_id uuid NOT NULL,
        decided_by   text NOT NULL,
        method       text NOT NULL CHECK (method IN ('operator', 'approver', 'proof_system', 'totp', 'webauthn')),
        decision     text NOT NULL CHECK (decision IN ('approved', 'rejected')),
        reason       text NOT NULL,
        decided_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (zone_id, challenge_id, decided_by)
      ) PARTITION BY RANGE (challenge_id);
      CREATE TABLE challenge_decisions_default PARTITION OF challenge_decisions DEFAULT;
      COMMENT ON COLUMN challenge_decisions.decided_by IS 'Who it was, such as client:{id}; each has one say.';

      CREATE TABLE step_up_attempts (
        zone_id uuid NOT NULL REFERENCES zones ON DELETE CASCADE,
        key     text NOT NULL,
        tokens  double precision NOT NULL,
        at      timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (zone_id, key)
      ) WITH (fillfactor = 50);
      COMMENT ON TABLE step_up_attempts IS 'How often somebody may still be wrong, refilled in the course of time; counted for all replicas together.';

      -- Takes one attempt, of p_burst that come back at p_per_minute.
      CREATE FUNCTION step_up_attempt(p_zone uuid, p_key text, p_burst integer, p_per_minute double precision)
      RETURNS boolean LANGUAGE plpgsql AS $$
      BEGIN
        INSERT INTO step_up_attempts AS a (zone_id, key, tokens) VALUES (p_zone, p_key, p_burst - 1)
        ON CONFLICT (zone_id, key) DO UPDATE
          SET tokens = least(p_burst, a.tokens + extract(epoch FROM clock_timestamp() - a.at) * p_per_minute / 60) - 1,
              at = clock_timestamp()
          WHERE least(p_burst, a.tokens + extract(epoch FROM clock_timestamp() - a.at) * p_per_minute / 60) >= 1;
        RETURN FOUND;
      END $$;

      -- Not where the ledger writes: notifications take turns when they are committed.
      CREATE FUNCTION challenge_decided() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        PERFORM pg_notify('mandate_challenge_decided', NEW.id::text);
        RETURN NULL;
      END $$;
      CREATE TRIGGER decided AFTER UPDATE OF decision ON challenges FOR EACH ROW
        WHEN (OLD.decision IS DISTINCT FROM NEW.decision) EXECUTE FUNCTION challenge_decided();
    `);
    await db.query(FACTS);
    await db.query(OPENING);
    await db.query(COMMIT);
    await db.query(MAINTENANCE);
  }

  async down(): Promise<void> {
    // The functions that this replaces would have to be brought back as they were, and with them a
    // ledger that lets a held request through.
    throw new Error('there is no way back from here but a backup');
  }
}

const FACTS = `
  -- Whether one thing that an entry rests on is still so. A nonce is spent by being asked about.
  CREATE FUNCTION ledger_fact_holds(p_zone uuid, p_fact jsonb) RETURNS boolean LANGUAGE plpgsql AS $$
  BEGIN
    CASE p_fact->>'kind'
      WHEN 'session_live' THEN
        RETURN EXISTS (
          SELECT 1 FROM sessions s
           WHERE s.zone_id = p_zone AND s.id = (p_fact->>'id')::uuid
             AND s.ended_at IS NULL AND s.expires_at > clock_timestamp());
      WHEN 'token_not_revoked' THEN
        RETURN NOT EXISTS (
          SELECT 1 FROM revocations r WHERE r.zone_id = p_zone AND r.jti = (p_fact->>'jti')::uuid);
      WHEN 'nonce_unspent' THEN
        -- A twin that is being spent elsewhere is waited for.
        INSERT INTO spent_nonces (zone_id, purpose, nonce, day)
        VALUES (p_zone, p_fact->>'purpose', p_fact->>'nonce', (p_fact->>'day')::date)
        ON CONFLICT DO NOTHING;
        RETURN FOUND;
      WHEN 'agent_session_live' THEN
        RETURN agent_session_live(p_zone, (p_fact->>'id')::uuid);
      WHEN 'delegation_live' THEN
        RETURN delegation_live(p_zone, (p_fact->>'id')::uuid, p_fact->'versions');
      WHEN 'delegation_unspent' THEN
        RETURN delegation_unspent(p_zone, (p_fact->>'id')::uuid);
      WHEN 'challenge_satisfied' THEN
        RETURN EXISTS (
          SELECT 1 FROM challenges c
            JOIN challenge_secrets s ON s.zone_id = c.zone_id AND s.challenge_id = c.id
           WHERE c.zone_id = p_zone AND c.id = (p_fact->>'id')::uuid
             AND c.binding = decode(p_fact->>'binding', 'hex')
             AND s.digest = decode(p_fact->>'secret_digest', 'hex')
             AND c.decision = 'approved' AND c.consumed_at IS NULL AND c.expires_at > clock_timestamp());
      WHEN 'challenge_allowed' THEN
        RETURN challenge_allowed(p_zone, p_fact);
      WHEN 'clock_agrees' THEN
        RETURN abs(extract(epoch FROM clock_timestamp()) - (p_fact->>'now')::numeric)
                 <= (p_fact->>'tolerance')::numeric;
      ELSE
        RAISE EXCEPTION 'unknown fact %', p_fact->>'kind';
    END CASE;
  END $$;

  -- Spends what an entry rests on that can be spent once: now, when every fact holds, and still under
  -- the lock that it was looked at under.
  CREATE FUNCTION ledger_spend(p_zone uuid, p_event_id uuid, p_facts jsonb) RETURNS void LANGUAGE plpgsql AS $$
  DECLARE
    fact jsonb;
  BEGIN
    FOR fact IN SELECT x.value FROM jsonb_array_elements(p_facts) AS x LOOP
      CASE fact->>'kind'
        WHEN 'delegation_unspent' THEN
          PERFORM delegation_draw(p_zone, (fact->>'id')::uuid);
        WHEN 'challenge_satisfied' THEN
          UPDATE challenges c SET consumed_at = clock_timestamp(), consumed_event_id = p_event_id
           WHERE c.zone_id = p_zone AND c.id = (fact->>'id')::uuid;
        ELSE NULL;
      END CASE;
    END LOOP;
  END $$;

  -- Waits for whoever is about to spend or open the same elsewhere, in one order for all batches: those
  -- that took what they need as it comes would wait for each other.
  CREATE FUNCTION ledger_lock(p_entries jsonb) RETURNS void LANGUAGE plpgsql AS $$
  BEGIN
    PERFORM pg_advisory_xact_lock(wanted.key) FROM (
      SELECT DISTINCT hashtextextended(
               CASE fact->>'kind'
                 WHEN 'nonce_unspent' THEN concat_ws(' ', entry->>'zone_id', fact->>'purpose', fact->>'nonce')
                 WHEN 'challenge_satisfied' THEN concat_ws(' ', entry->>'zone_id', 'challenge', fact->>'id')
                 ELSE concat_ws(' ', entry->>'zone_id', 'challenges of', what.name)
               END, 0) AS key
        FROM jsonb_array_elements(p_entries) AS entry
        CROSS JOIN jsonb_array_elements(entry->'facts') AS fact
        LEFT JOIN LATERAL (
          -- Two limits, two locks.
          VALUES ('client ' || (fact->>'client_id')), ('subject ' || (fact->>'subject'))
        ) AS what (name) ON fact->>'kind' = 'challenge_allowed'
       WHERE fact->>'kind' IN ('nonce_unspent', 'challenge_satisfied', 'challenge_allowed') ORDER BY key) AS wanted;
    IF p_entries @? '$[*].facts[*] ? (@.kind == "delegation_unspent")' THEN
      PERFORM delegation_lock(p_entries);
    END IF;
  END $$;
`;

const OPENING = `
  -- A challenge of the same binding that can still be spent.
  CREATE FUNCTION challenge_to_join(p_zone uuid, p_binding bytea) RETURNS uuid LANGUAGE sql AS $$
    SELECT c.id FROM challenges c
     WHERE c.zone_id = p_zone AND c.binding = p_binding AND c.consumed_at IS NULL
       AND c.decision IS DISTINCT FROM 'rejected' AND c.expires_at > clock_timestamp()
     ORDER BY c.id DESC LIMIT 1
  $$;

  -- The fact challenge_allowed: whoever asks may have one more challenge open, or another secret for one.
  CREATE FUNCTION challenge_allowed(p_zone uuid, p_fact jsonb) RETURNS boolean LANGUAGE plpgsql AS $$
  DECLARE
    joined uuid := challenge_to_join(p_zone, decode(p_fact->>'binding', 'hex'));
  BEGIN
    IF joined IS NOT NULL THEN
      RETURN (SELECT count(*) FROM challenge_secrets s WHERE s.zone_id = p_zone AND s.challenge_id = joined)
               < (p_fact->>'max_secrets')::int;
    END IF;
    RETURN (SELECT count(*) < (p_fact->>'max_of_client')::int
              FROM challenges c
             WHERE c.zone_id = p_zone AND c.client_id = (p_fact->>'client_id')::uuid
               AND c.decision IS NULL AND c.expires_at > clock_timestamp())
       AND (SELECT count(*) < (p_fact->>'max_of_subject')::int
                   AND count(*) FILTER (WHERE c.client_id = (p_fact->>'client_id')::uuid)
                       < (p_fact->>'max_of_both')::int
              FROM challenges c
             WHERE c.zone_id = p_zone AND c.subject = p_fact->>'subject'
               AND c.subject_issuer IS NOT DISTINCT FROM p_fact->>'subject_issuer'
               AND c.subject_type = 'user' AND p_fact->>'subject_type' = 'user'
               AND c.decision IS NULL AND c.expires_at > clock_timestamp());
  END $$;

  -- Opens a challenge, or joins the one that stands for the same.
  CREATE FUNCTION challenge_open(p_zone uuid, p_challenge jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
  DECLARE
    at     timestamptz := clock_timestamp();
    joined uuid := challenge_to_join(p_zone, decode(p_challenge->>'binding', 'hex'));
  BEGIN
    IF joined IS NULL THEN
      INSERT INTO challenges (zone_id, id, type, binding, policy_set_version_id, client_id, subject, subject_issuer,
                              subject_type, involved_client_ids, request, terms, quorum, expires_at, created_at)
      SELECT p_zone, n.id, n.type, decode(n.binding, 'hex'), n.policy_set_version_id, n.client_id, n.subject,
             n.subject_issuer, n.subject_type, n.involved_client_ids, n.request, n.terms, (n.terms->>'quorum')::int,
             at + make_interval(secs => (n.terms->>'lifetime_seconds')::int), at
        FROM jsonb_to_record(p_challenge)
          AS n(id uuid, type text, binding text, policy_set_version_id uuid, client_id uuid, subject text,
               subject_issuer text, subject_type text, involved_client_ids uuid[], request jsonb, terms jsonb);
    END IF;
    INSERT INTO challenge_secrets (zone_id, challenge_id, digest)
    VALUES (p_zone, coalesce(joined, (p_challenge->>'id')::uuid), decode(p_challenge->>'secret_digest', 'hex'));
    RETURN (SELECT jsonb_build_object(
                     'id', c.id, 'type', c.type, 'joined', joined IS NOT NULL,
                     'expires_at', floor(extract(epoch FROM c.expires_at)))
              FROM challenges c
             WHERE c.zone_id = p_zone AND c.id = coalesce(joined, (p_challenge->>'id')::uuid));
  END $$;
`;

const COMMIT = `
  DROP FUNCTION ledger_commit(uuid, jsonb);

  -- Commits a batch of entries: re-checks each one's facts and records its outcome. The entries
  -- stand or fall alone. Facts are read with a snapshot taken after the call arrived, so a change
  -- that was acknowledged before a request began is always seen.
  --
  -- status 'recorded': the event is in the log as it was given.
  -- status 'refused':  a fact moved, the event is in the log as the denial that the fact names.
  -- status 'stale':    the entry was evaluated on an old view; nothing is recorded, evaluate again.
  -- challenge:         the one that was opened or joined.
  CREATE FUNCTION ledger_commit(p_writer uuid, p_entries jsonb)
  RETURNS TABLE (ord bigint, status text, fact_index integer, challenge jsonb)
  LANGUAGE plpgsql AS $$
  DECLARE
    e        record;
    f        record;
    v_zone   uuid;
    v_event  jsonb;
  BEGIN
    PERFORM set_config('synchronous_commit', 'on', true);
    PERFORM ledger_lock(p_entries);
    FOR e IN SELECT x.value AS entry, x.ordinality AS n
               FROM jsonb_array_elements(p_entries) WITH ORDINALITY AS x
    LOOP
      ord := e.n;
      v_zone := (e.entry->>'zone_id')::uuid;
      v_event := e.entry->'event';
      status := 'recorded';
      fact_index := NULL;
      challenge := NULL;

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
        IF NOT ledger_fact_holds(v_zone, f.fact) THEN
          status := 'refused';
          fact_index := f.n - 1;
          v_event := (v_event - 'mandate') || (f.fact->'otherwise');
          EXIT;
        END IF;
      END LOOP;

      IF status = 'recorded' THEN
        PERFORM ledger_spend(v_zone, (e.entry->>'event_id')::uuid, e.entry->'facts');
        IF e.entry ? 'session' THEN
          INSERT INTO sessions (zone_id, id, root_id, client_id, subject, issuer, acr, amr, auth_time, expires_at)
          SELECT v_zone, s.id, s.root_id, s.client_id, s.subject, s.issuer, s.acr, s.amr,
                 to_timestamp(s.auth_time), to_timestamp(s.expires_at)
            FROM jsonb_to_record(e.entry->'session')
              AS s(id uuid, root_id uuid, client_id uuid, subject text, issuer text, acr text, amr text[],
                   auth_time double precision, expires_at double precision);
        END IF;
        IF e.entry ? 'proof' THEN
          -- Proof is somebody's, so a session of another subject does not remember it.
          UPDATE sessions s SET acr = p.acr, amr = p.amr, auth_time = to_timestamp(p.auth_time)
            FROM jsonb_to_record(e.entry->'proof')
              AS p(session_id uuid, subject text, issuer text, acr text, amr text[], auth_time double precision)
           WHERE s.zone_id = v_zone AND s.id = p.session_id
             AND s.subject = p.subject AND s.issuer IS NOT DISTINCT FROM p.issuer;
        END IF;
        IF e.entry ? 'challenge' THEN
          challenge := challenge_open(v_zone, e.entry->'challenge');
          v_event := v_event || jsonb_build_object('challenge', challenge);
        END IF;
      END IF;

      PERFORM audit_append(v_zone, p_writer, (e.entry->>'event_id')::uuid, v_event);
      RETURN NEXT;
    END LOOP;
  END $$;
`;

const MAINTENANCE = `
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
  INSERT INTO tables_by_day (name, keyed_by, dropped, kept_while) VALUES
    ('audit_events', 'id', false, NULL),
    ('spent_nonces', 'date', true, NULL),
    ('revocations', 'id', true, NULL),
    -- A service with a heartbeat lives on; of the others nothing does, by the lifetimes of today.
    ('sessions', 'id', true, 'ended_at IS NULL AND expires_at > now()'),
    ('agent_sessions', 'id', true, 'ended_at IS NULL AND expires_at > now()'),
    ('delegation_edges', 'id', true, 'revoked_at IS NULL AND expires_at > now()'),
    ('challenges', 'id', true, NULL),
    ('challenge_secrets', 'id', true, NULL),
    ('challenge_decisions', 'id', true, NULL);

  -- Makes the partitions of the coming days and drops the days in which nothing can be alive.
  -- Sessions, tokens and challenges live for a day at most; one more day is kept for people who look.
  CREATE OR REPLACE FUNCTION ledger_maintain(p_days_ahead integer DEFAULT 7) RETURNS void LANGUAGE plpgsql AS $$
  DECLARE
    parent record;
    day    date;
    part   record;
    alive  boolean;
    bounds text;
  BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('mandate.ledger_maintain'));
    FOR parent IN SELECT * FROM tables_by_day ORDER BY name LOOP
      FOR i IN 0..p_days_ahead LOOP
        day := (now() AT TIME ZONE 'UTC')::date + i;
        CONTINUE WHEN to_regclass(format('%I', parent.name || '_' || to_char(day, 'YYYYMMDD'))) IS NOT NULL;
        bounds := CASE parent.keyed_by
          WHEN 'date' THEN format('FROM (%L) TO (%L)', day, day + 1)
          ELSE format('FROM (%L) TO (%L)', uuid_from_time(day::timestamp AT TIME ZONE 'UTC'),
                                           uuid_from_time((day + 1)::timestamp AT TIME ZONE 'UTC')) END;
        BEGIN
          EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES %s',
            parent.name || '_' || to_char(day, 'YYYYMMDD'), parent.name, bounds);
          IF parent.name = 'audit_events' THEN
            EXECUTE format('CREATE TRIGGER immutable_whole BEFORE TRUNCATE ON %I
              FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', parent.name || '_' || to_char(day, 'YYYYMMDD'));
          END IF;
        EXCEPTION WHEN check_violation THEN
          -- Rows of that day are in the default partition already; they stay there.
          RAISE WARNING 'partition of % for % not made: rows are in the default partition', parent.name, day;
        END;
      END LOOP;
    END LOOP;
    -- Whatever was taken has come back by then.
    DELETE FROM step_up_attempts WHERE at < now() - interval '1 day';
    FOR part IN
      SELECT c.relname, t.kept_while FROM tables_by_day t
        JOIN pg_inherits i ON i.inhparent = to_regclass(format('%I', t.name))
        JOIN pg_class c ON c.oid = i.inhrelid
       WHERE t.dropped AND c.relname ~ '_[0-9]{8}$'
         AND to_date(right(c.relname, 8), 'YYYYMMDD') < (now() AT TIME ZONE 'UTC')::date - 2
    LOOP
      IF part.kept_while IS NOT NULL THEN
        EXECUTE format('SELECT EXISTS (SELECT 1 FROM %I WHERE %s)', part.relname, part.kept_while) INTO alive;
        CONTINUE WHEN alive;
      END IF;
      EXECUTE format('DROP TABLE %I', part.relname);
    END LOOP;
  END $$;

  SELECT ledger_maintain();
`;
