-- The ledger: one statement that re-checks every fact an entry rests on, and records what became of it. There
-- is no moment between the check and the record, so what has moved issues nothing.
--
-- What it asks of agent sessions and delegations is in delegation/delegation.sql, of challenges in
-- step-up/challenges.sql; how it is called, and what is in an entry, in ledger.service.ts and entry.ts.

-- Whether one fact that an entry rests on still holds. A nonce is spent by being asked about.
CREATE OR REPLACE FUNCTION ledger_fact_holds(p_zone uuid, p_fact jsonb) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  CASE p_fact->>'kind'
    WHEN 'session_live' THEN
      RETURN EXISTS (
        SELECT 1 FROM sessions s
         WHERE s.zone_id = p_zone AND s.id = (p_fact->>'id')::uuid
           AND s.ended_at IS NULL AND s.expires_at > clock_timestamp() AND session_supported(s));
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
CREATE OR REPLACE FUNCTION ledger_spend(p_zone uuid, p_event_id uuid, p_facts jsonb) RETURNS void LANGUAGE plpgsql AS $$
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

-- Waits for every other batch that spends or opens the same, in one order for all batches: those that took
-- what they need as it comes would wait for each other.
CREATE OR REPLACE FUNCTION ledger_lock(p_entries jsonb) RETURNS void LANGUAGE plpgsql AS $$
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

-- Commits a batch of entries: re-checks each one's facts and records its outcome. The entries
-- stand or fall alone. Facts are read with a snapshot taken after the call arrived, so a change
-- that was acknowledged before a request began is always seen.
--
-- status 'recorded': the event is in the log as it was given.
-- status 'refused':  a fact moved, the event is in the log as the denial that the fact names.
-- status 'stale':    the entry was evaluated on an old view; nothing is recorded, evaluate again.
-- challenge:         the one that was opened or joined.
CREATE OR REPLACE FUNCTION ledger_commit(p_writer uuid, p_entries jsonb)
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
         SELECT 1 FROM clients c JOIN zones z ON z.id = c.zone_id
          WHERE c.id = (e.entry->>'absent_client')::uuid AND z.removed_at IS NULL) THEN
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
