-- The ledger: one statement that re-checks every fact an entry rests on, and records what became of it. There
-- is no moment between the check and the record, so what has moved issues nothing; nor between them and the commit
-- (gate.sql). What entries need is taken first (locks.sql).
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
    WHEN 'agency_live' THEN
      RETURN agency_live(p_zone, (p_fact->>'until')::double precision,
        ARRAY(SELECT x::uuid FROM jsonb_array_elements_text(p_fact->'sessions') AS x),
        ARRAY(SELECT x::uuid FROM jsonb_array_elements_text(p_fact->'clients') AS x));
    WHEN 'challenge_satisfied' THEN
      RETURN EXISTS (
        SELECT 1 FROM challenges c
          JOIN challenge_secrets s ON s.challenge_id = c.id
         WHERE c.zone_id IS NOT DISTINCT FROM p_zone AND c.id = (p_fact->>'id')::uuid
           AND s.zone_id = p_zone AND c.binding = decode(p_fact->>'binding', 'hex')
           AND s.digest = decode(p_fact->>'secret_digest', 'hex')
           AND c.decision = 'approved' AND c.consumed_at IS NULL AND c.expires_at > clock_timestamp());
    WHEN 'challenge_allowed' THEN
      RETURN challenge_allowed(p_zone, p_fact);
    WHEN 'generation_current' THEN
      RETURN subject_generation(p_zone, decode(p_fact->>'key', 'hex')) = (p_fact->>'generation')::integer;
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
         WHERE c.zone_id IS NOT DISTINCT FROM p_zone AND c.id = (fact->>'id')::uuid;
      ELSE NULL;
    END CASE;
  END LOOP;
END $$;

-- Whether a zone and its clients still are what an entry was evaluated on. If not, nothing is recorded or spent.
CREATE OR REPLACE FUNCTION ledger_current(p_zone uuid, p_entry jsonb) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  IF p_entry ? 'settings_version' AND NOT EXISTS (
       SELECT 1 FROM zones z
        WHERE z.id = p_zone AND z.settings_version = (p_entry->>'settings_version')::bigint) THEN
    RETURN false;
  END IF;
  -- Processes of the version before compare all of a zone.
  IF p_entry ? 'zone_version' AND NOT EXISTS (
       SELECT 1 FROM zones z WHERE z.id = p_zone AND z.version = (p_entry->>'zone_version')::bigint) THEN
    RETURN false;
  END IF;
  IF p_entry ? 'subject' AND subject_generation(p_zone, decode(p_entry->'subject'->>'key', 'hex'))
                             <> (p_entry->'subject'->>'generation')::integer THEN
    RETURN false;
  END IF;
  IF p_entry ? 'absent_client' AND EXISTS (
       SELECT 1 FROM clients c JOIN zones z ON z.id = c.zone_id
        WHERE c.id = (p_entry->>'absent_client')::uuid AND z.removed_at IS NULL) THEN
    RETURN false;
  END IF;
  RETURN clients_are(p_zone, p_entry->'clients', p_entry->'labels');
END $$;

-- Lets a session remember what its subject has shown. It is somebody's, so a session of another subject does not.
CREATE OR REPLACE FUNCTION ledger_remember(p_zone uuid, p_proof jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  session CONSTANT uuid := (p_proof->>'session_id')::uuid;
BEGIN
  -- With its client one index has all that it is looked up by.
  UPDATE sessions s SET acr = p.acr, amr = p.amr, auth_time = to_timestamp(p.auth_time)
    FROM jsonb_to_record(p_proof)
      AS p (subject text, issuer text, acr text, amr text[], auth_time double precision)
   WHERE s.zone_id = p_zone AND s.id = session
     AND s.client_id = (SELECT x.client_id FROM sessions x
                         WHERE x.zone_id = p_zone AND x.id >= session AND x.id <= session ORDER BY x.id LIMIT 1)
     AND s.subject = p.subject AND s.issuer IS NOT DISTINCT FROM p.issuer;
END $$;

-- Commits a batch of entries: re-checks each one's facts and records its outcome. The entries
-- stand or fall alone. Facts are read with a snapshot taken after the call arrived, so a change
-- that was acknowledged before a request began is always seen.
--
-- p_patient:         whether to wait for other batches that spend or open the same. Nobody else is waited for.
--
-- status 'recorded': the event is in the log as it was given.
-- status 'refused':  a fact moved, the event is in the log as the denial that the fact names.
-- status 'stale':    the entry was evaluated on an old view; nothing is recorded, evaluate again.
-- status 'busy':     somebody holds what it needs; nothing is recorded, try again.
-- challenge:         the one that was opened or joined.
CREATE OR REPLACE FUNCTION ledger_record(p_writer uuid, p_entries jsonb, p_patient boolean)
RETURNS TABLE (ord bigint, status text, fact_index integer, challenge jsonb)
LANGUAGE plpgsql AS $$
DECLARE
  e        record;
  f        record;
  v_zone   uuid;
  v_event  jsonb;
  heads    audit_chains[];
  zones    uuid[] := '{}';
  ids      uuid[] := '{}';
  events   jsonb[] := '{}';
BEGIN
  PERFORM set_config('synchronous_commit', 'on', true);
  IF p_patient THEN PERFORM ledger_lock(p_entries); END IF;
  heads := ARRAY(SELECT c FROM audit_take(p_writer, ARRAY(
    SELECT DISTINCT (x.value->>'zone_id')::uuid FROM jsonb_array_elements(p_entries) AS x)) AS c);
  FOR e IN SELECT x.value AS entry, x.ordinality AS n
             FROM jsonb_array_elements(p_entries) WITH ORDINALITY AS x
  LOOP
    ord := e.n;
    v_zone := (e.entry->>'zone_id')::uuid;
    v_event := e.entry->'event';
    status := 'recorded';
    fact_index := NULL;
    challenge := NULL;

    IF NOT EXISTS (SELECT FROM unnest(heads) AS head WHERE head.zone_id = v_zone) OR NOT ledger_take(e.entry) THEN
      status := 'busy';
    ELSIF NOT ledger_current(v_zone, e.entry) THEN
      status := 'stale';
    ELSIF e.entry ? 'graph' AND NOT graph_unchanged(v_zone, e.entry->'graph') THEN
      status := 'stale';
    END IF;
    IF status <> 'recorded' THEN
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
      IF e.entry ? 'proof' THEN PERFORM ledger_remember(v_zone, e.entry->'proof'); END IF;
      IF e.entry ? 'challenge' THEN
        challenge := challenge_open(v_zone, e.entry->'challenge');
        v_event := v_event || jsonb_build_object('challenge', challenge);
      END IF;
    END IF;

    zones := array_append(zones, v_zone);
    ids := array_append(ids, (e.entry->>'event_id')::uuid);
    events := array_append(events, v_event);
    RETURN NEXT;
  END LOOP;
  PERFORM audit_append_all(heads, zones, ids, events);
END $$;

-- What became of entries that were sent, by what is on record: the answer of ledger_record, or 'absent' for one of
-- which nothing is. Only to be asked when they cannot be on their way any more.
CREATE OR REPLACE FUNCTION ledger_outcomes(p_entries jsonb)
RETURNS TABLE (ord bigint, status text, fact_index integer, challenge jsonb) LANGUAGE sql AS $$
  SELECT x.ordinality,
         CASE WHEN a.id IS NULL THEN 'absent' WHEN as_sent.it THEN 'recorded' ELSE 'refused' END,
         CASE WHEN NOT as_sent.it THEN (
           SELECT min(f.ordinality)::integer - 1 FROM jsonb_array_elements(x.value->'facts') WITH ORDINALITY AS f
            WHERE a.event @> (f.value->'otherwise')) END,
         CASE WHEN as_sent.it AND x.value ? 'challenge' THEN a.event->'challenge' END
    FROM jsonb_array_elements(p_entries) WITH ORDINALITY AS x
    LEFT JOIN audit_events a ON a.zone_id = (x.value->>'zone_id')::uuid AND a.id = (x.value->>'event_id')::uuid
    CROSS JOIN LATERAL (
      SELECT (a.event->'outcome', a.event->'error', a.event->'reason') IS NOT DISTINCT FROM
             (x.value->'event'->'outcome', x.value->'event'->'error', x.value->'event'->'reason')) AS as_sent (it)
$$;

-- The same as ledger_record for processes of the version before, which know nothing of 'busy': what is held is
-- waited for, for half a second. Not by a batch, whose other entries would keep the gates of their zones open so long:
-- that waits for the time of a commit or two, and these processes then send each of its entries alone.
CREATE OR REPLACE FUNCTION ledger_commit(p_writer uuid, p_entries jsonb)
RETURNS TABLE (ord bigint, status text, fact_index integer, challenge jsonb)
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM ledger_lock(p_entries);
  FOR attempt IN 1..CASE WHEN jsonb_array_length(p_entries) > 1 THEN 3 ELSE 50 END LOOP
    EXIT WHEN NOT EXISTS (SELECT FROM jsonb_array_elements(p_entries) AS entry WHERE NOT ledger_take(entry));
    PERFORM pg_sleep(0.01);
  END LOOP;
  FOR ord, status, fact_index, challenge IN SELECT r.* FROM ledger_record(p_writer, p_entries, false) AS r LOOP
    IF status = 'busy' THEN
      RAISE EXCEPTION 'what an entry needs is held by somebody else' USING ERRCODE = 'lock_not_available';
    END IF;
    RETURN NEXT;
  END LOOP;
END $$;
