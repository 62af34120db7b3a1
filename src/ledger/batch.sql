-- The ledger: one call that re-checks every fact that the entries of a batch rest on, and records what became of each.
-- There is no moment between the check and the record, so what has moved issues nothing; nor between them and the commit
-- (gate.sql). What entries need is taken first (locks.sql). Each step is one statement for the whole batch, but for
-- budgets and challenges, which are looked at entry by entry.
--
-- Entries of a batch rest on much of the same: the version of their zone, their client, a session. So a fact is said
-- apart from its question, and each question is asked once for all facts that ask it. What is spent or looked at entry by entry
-- has a question of its own for each fact.
--
-- How it is called, and what is in an entry, is in ledger-batch.ts, written-entry.ts and entry.ts; what it asks of
-- facts in facts.sql, of agent sessions and delegations in delegation/delegation.sql, of challenges in
-- step-up/challenges.sql.

-- Waits for every other batch that spends or opens the same, in one order for all batches (ledger_lock).
CREATE OR REPLACE FUNCTION ledger_lock_facts(p_zones uuid[], p_kinds text[], p_details text[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(wanted.key) FROM (
    SELECT DISTINCT key
      FROM unnest(p_kinds, p_zones, p_details) AS f (kind, zone, details)
      CROSS JOIN LATERAL unnest(CASE WHEN f.kind = 'nonce_unspent' THEN ARRAY[ledger_nonce_key(f.zone, f.details)]
                                     WHEN ledger_is_rare(f.kind) THEN ledger_keys(f.zone, f.details::jsonb) END) AS key
     ORDER BY key) AS wanted;
END $$;

-- Takes what the questions of a batch are about: nonces, the gates of clients, and what goes with budgets and challenges.
-- Returns the questions of which somebody else holds that; nobody is waited for. No statement: each lock is an expression.
CREATE OR REPLACE FUNCTION ledger_take_asked(p_zones uuid[], p_kinds text[], p_ids uuid[], p_details text[])
RETURNS integer[] LANGUAGE plpgsql AS $$
DECLARE
  held  integer[] := '{}';
  taken boolean;
BEGIN
  FOR i IN 1..cardinality(p_kinds) LOOP
    taken := CASE p_kinds[i]
      WHEN 'client_version' THEN pg_try_advisory_xact_lock_shared(ledger_client_gate(p_zones[i], p_ids[i]))
      WHEN 'nonce_unspent' THEN pg_try_advisory_xact_lock(ledger_nonce_key(p_zones[i], p_details[i]))
      WHEN 'labels' THEN pg_try_advisory_xact_lock_shared(ledger_clients_gate(p_zones[i]))
      WHEN 'delegation_unspent' THEN ledger_take_fact(p_zones[i], p_details[i]::jsonb)
      WHEN 'challenge_satisfied' THEN ledger_take_fact(p_zones[i], p_details[i]::jsonb)
      WHEN 'challenge_allowed' THEN ledger_take_fact(p_zones[i], p_details[i]::jsonb)
      ELSE true END;
    IF NOT taken THEN held := held || i; END IF;
  END LOOP;
  RETURN held;
END $$;

-- Takes what the entries of a batch write to and refer to: clients, sessions and zones. Returns the entries of which somebody
-- else holds some of it; nobody is waited for.
CREATE OR REPLACE FUNCTION ledger_take_needed(p_entry_zones uuid[], p_clients uuid[], p_proofs jsonb, p_challenges jsonb)
RETURNS integer[] LANGUAGE plpgsql AS $$
DECLARE
  held integer[] := '{}';
  free uuid[];
  e    record;
BEGIN
  IF p_clients IS NOT NULL THEN
    free := ARRAY(
      SELECT c.id FROM (SELECT DISTINCT x.zone, x.client FROM unnest(p_entry_zones, p_clients) AS x (zone, client)
                         WHERE x.client IS NOT NULL) AS wanted
        JOIN clients c ON c.zone_id IS NOT DISTINCT FROM wanted.zone AND c.id = wanted.client FOR KEY SHARE OF c SKIP LOCKED);
    held := held || ARRAY(
      SELECT x.entry::integer FROM unnest(p_entry_zones, p_clients) WITH ORDINALITY AS x (zone, client, entry)
       WHERE x.client IS NOT NULL AND x.client <> ALL (free)
         AND EXISTS (SELECT FROM clients c WHERE c.zone_id = x.zone AND c.id = x.client));
  END IF;
  IF p_proofs IS NULL AND p_challenges IS NULL THEN RETURN held; END IF;
  FOR e IN SELECT (p.value->>'entry')::integer AS entry, (p.value->>'session_id')::uuid AS session
             FROM jsonb_array_elements(p_proofs) AS p
  LOOP
    PERFORM FROM sessions s WHERE s.zone_id = p_entry_zones[e.entry] AND s.id >= e.session AND s.id <= e.session
      ORDER BY s.id FOR NO KEY UPDATE SKIP LOCKED;
    IF NOT FOUND AND EXISTS (SELECT FROM sessions s WHERE s.zone_id = p_entry_zones[e.entry] AND s.id = e.session) THEN
      held := held || e.entry;
    END IF;
  END LOOP;
  FOR e IN SELECT (c.value->>'entry')::integer AS entry FROM jsonb_array_elements(p_challenges) AS c LOOP
    PERFORM FROM zones z WHERE z.id = p_entry_zones[e.entry] FOR KEY SHARE SKIP LOCKED;
    IF NOT FOUND AND EXISTS (SELECT FROM zones z WHERE z.id = p_entry_zones[e.entry]) THEN held := held || e.entry; END IF;
  END LOOP;
  RETURN held;
END $$;

-- Decides of the entries of a batch that have budgets or challenges, one after the other, as what one spends or opens
-- counts for the next, and lets those of which every fact holds spend and open.
--
-- p_wanted:  which entries are to be recorded at all.
-- p_refused: the first other fact of each entry that does not hold.
-- p_facts, p_fact_entries: the fact that asks each question, and its entry.
-- refused:   the first fact of the entry that does not hold. challenge: the one that was opened or joined.
CREATE OR REPLACE FUNCTION ledger_decide_rare(
  p_ids uuid[], p_entry_zones uuid[], p_wanted boolean[], p_refused integer[], p_proofs jsonb, p_challenges jsonb,
  p_facts integer[], p_fact_entries integer[], p_kinds text[], p_details text[])
RETURNS TABLE (entry integer, refused integer, challenge jsonb) LANGUAGE plpgsql AS $$
DECLARE
  zone  uuid;
  facts jsonb;
  given jsonb;
  f     record;
BEGIN
  FOR entry IN
    SELECT x.entry FROM unnest(p_fact_entries, p_kinds) AS x (entry, kind) WHERE ledger_is_rare(x.kind)
    UNION SELECT (p.value->>'entry')::integer FROM jsonb_array_elements(p_proofs) AS p
    UNION SELECT (c.value->>'entry')::integer FROM jsonb_array_elements(p_challenges) AS c
    ORDER BY 1
  LOOP
    CONTINUE WHEN NOT p_wanted[entry];
    zone := p_entry_zones[entry];
    refused := p_refused[entry];
    challenge := NULL;
    facts := '[]';
    FOR f IN SELECT x.place, x.details::jsonb AS fact
               FROM unnest(p_facts, p_fact_entries, p_kinds, p_details) AS x (place, entry, kind, details)
              WHERE x.entry = ledger_decide_rare.entry AND ledger_is_rare(x.kind) ORDER BY x.place
    LOOP
      EXIT WHEN f.place > refused;
      facts := facts || f.fact;
      IF NOT ledger_fact_holds(zone, f.fact) THEN
        refused := f.place;
        EXIT;
      END IF;
    END LOOP;
    IF refused IS NULL THEN
      PERFORM ledger_spend(zone, p_ids[entry], facts);
      FOR given IN SELECT p.value FROM jsonb_array_elements(p_proofs) AS p WHERE (p.value->>'entry')::integer = entry LOOP
        PERFORM ledger_remember(zone, given);
      END LOOP;
      FOR given IN SELECT c.value FROM jsonb_array_elements(p_challenges) AS c WHERE (c.value->>'entry')::integer = entry LOOP
        challenge := challenge_open(zone, given);
      END LOOP;
    END IF;
    RETURN NEXT;
  END LOOP;
END $$;

-- Records a batch of entries. They stand or fall alone, each as if those before it had been recorded before. Facts are
-- read with snapshots taken after the call arrived, so a change that was acknowledged before a request began is always
-- seen. Everything is given by columns; an entry is named by its place in p_ids, a zone by its place in p_zones, a fact
-- by its place in p_fact_entries, a question by its place in p_kinds, all counted from one.
--
-- p_patient:        whether to wait for other batches that spend or open the same. Nobody else is waited for.
-- p_seqs:           where the process believes that its chain in each zone ends; null where it does not know.
-- p_entry_zones:    which of p_zones an entry is in.
-- p_checked:        whether anything is checked of an entry.
-- p_needed_clients: the client of whom an entry begets a session or a challenge; null instead of all if none does.
-- p_heads, p_tails: the members of an event as text without braces: first what it says in any case, then what it says
--                   only if every fact holds.
-- p_fact_questions: what each fact asks. p_facts: which fact asks each question first; the others are of the same zone.
-- p_refusals:       which of p_refusal_tails it says instead if this fact does not hold; null if the entry is stale then.
-- p_births, p_proofs, p_challenges, p_issued: sessions, what sessions remember, challenges, and mandates whose status a
--                   list tells (entry.ts), each with its entry; null for none.
--
-- seqs:   where the chain of each zone ends now; null where somebody else holds it.
-- others: what became of the entries that were not just recorded, [entry, status, ...] each; null for none.
--   'refused', fact:      the fact moved, the event is in the log as the denial that goes with it.
--   'stale':              the entry was evaluated on an old view; nothing is recorded, evaluate again.
--   'busy':               somebody holds what it needs, or its chain ends elsewhere; nothing is recorded, try again.
--   'opened', challenge:  recorded, and a challenge was opened or joined.
CREATE OR REPLACE FUNCTION ledger_commit_entries(
  p_writer uuid, p_patient boolean, p_zones uuid[], p_seqs bigint[],
  p_ids uuid[], p_entry_zones integer[], p_checked boolean[], p_needed_clients uuid[],
  p_request_ids text[], p_request_labels text[], p_types text[], p_outcomes text[], p_clients uuid[], p_jtis uuid[],
  p_heads text[], p_tails text[],
  p_fact_entries integer[], p_fact_questions integer[], p_refusals integer[],
  p_facts integer[], p_kinds text[], p_fact_ids uuid[], p_details text[],
  p_refusal_outcomes text[], p_refusal_tails text[],
  p_births jsonb, p_proofs jsonb, p_challenges jsonb, p_issued jsonb)
RETURNS TABLE (seqs bigint[], others jsonb) LANGUAGE plpgsql
-- Look-ups, however small tables and arrays are when a plan is made: it is kept, and tables grow.
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
DECLARE
  many       CONSTANT integer := cardinality(p_ids);
  -- Most batches are of one zone, of which an expression tells what otherwise takes a statement.
  one_zone   CONSTANT boolean := cardinality(p_zones) = 1;
  zones_of   uuid[];
  -- The zone of each question, and what does not hold of them.
  fact_zones uuid[];
  moved      integer[];
  statuses   text[] := array_fill(NULL::text, ARRAY[many]);
  wanted     boolean[];
  -- The first fact of each entry that does not hold.
  refused    integer[] := array_fill(NULL::integer, ARRAY[many]);
  hashes     bytea[] := array_fill(NULL::bytea, ARRAY[cardinality(p_zones)]);
  usable     boolean[];
  entered    boolean[];
  r          record;
  i          integer;
  z          integer;
  entry      integer;
  commits    text;
BEGIN
  commits := set_config('synchronous_commit', 'on', true);
  IF one_zone THEN
    zones_of := array_fill(p_zones[1], ARRAY[many]);
    fact_zones := array_fill(p_zones[1], ARRAY[cardinality(p_kinds)]);
  ELSE
    zones_of := ARRAY(SELECT p_zones[x] FROM unnest(p_entry_zones) AS x);
    fact_zones := ARRAY(SELECT p_zones[p_entry_zones[p_fact_entries[x]]] FROM unnest(p_facts) AS x);
  END IF;
  IF p_patient THEN PERFORM ledger_lock_facts(fact_zones, p_kinds, p_details); END IF;

  -- Takes the chains. One that somebody holds is left alone, and so is one that ends elsewhere than the process believes.
  seqs := array_fill(NULL::bigint, ARRAY[cardinality(p_zones)]);
  IF one_zone THEN
    SELECT ARRAY[c.seq], ARRAY[c.hash] INTO seqs, hashes FROM audit_chains c
     WHERE c.zone_id = p_zones[1] AND c.writer = p_writer FOR NO KEY UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
      seqs := array_fill(NULL::bigint, ARRAY[1]);
      hashes := array_fill(NULL::bytea, ARRAY[1]);
    END IF;
  ELSE
    -- Each is looked up by itself: a plan that is made where there are few may begin with all of them.
    FOR r IN SELECT c.seq, c.hash, w.place FROM unnest(p_zones) WITH ORDINALITY AS w (zone, place)
              CROSS JOIN LATERAL (SELECT c.seq, c.hash FROM audit_chains c WHERE c.zone_id = w.zone AND c.writer = p_writer
                                     FOR NO KEY UPDATE SKIP LOCKED) AS c
    LOOP
      seqs[r.place] := r.seq;
      hashes[r.place] := r.hash;
    END LOOP;
  END IF;
  FOR z IN 1..cardinality(p_zones) LOOP
    IF seqs[z] IS NULL
       AND NOT EXISTS (SELECT FROM audit_chains c WHERE c.zone_id = p_zones[z] AND c.writer = p_writer) THEN
      seqs[z] := 0;
      hashes[z] := decode(repeat('00', 32), 'hex');
    END IF;
    usable[z] := coalesce(seqs[z] = coalesce(p_seqs[z], seqs[z]), false);
  END LOOP;

  moved := ledger_take_asked(fact_zones, p_kinds, p_fact_ids, p_details);
  IF moved <> '{}' THEN
    FOR i IN 1..cardinality(p_fact_entries) LOOP
      IF p_fact_questions[i] = ANY (moved) THEN statuses[p_fact_entries[i]] := 'busy'; END IF;
    END LOOP;
  END IF;
  IF p_needed_clients IS NOT NULL OR p_proofs IS NOT NULL OR p_challenges IS NOT NULL THEN
    FOREACH i IN ARRAY ledger_take_needed(zones_of, p_needed_clients, p_proofs, p_challenges) LOOP
      statuses[i] := 'busy';
    END LOOP;
  END IF;
  IF one_zone THEN
    entered := ARRAY[CASE WHEN true = ANY (p_checked) THEN ledger_enter(p_zones[1]) ELSE true END];
  ELSE
    entered := ARRAY(SELECT CASE WHEN bool_or(x.checked) THEN ledger_enter(p_zones[x.zone]) ELSE true END
                       FROM unnest(p_entry_zones, p_checked) AS x (zone, checked) GROUP BY x.zone ORDER BY x.zone);
  END IF;

  FOR i IN 1..many LOOP
    z := p_entry_zones[i];
    IF NOT usable[z] OR p_checked[i] AND NOT entered[z] THEN statuses[i] := 'busy'; END IF;
  END LOOP;

  moved := ledger_facts_moved(fact_zones, p_kinds, p_fact_ids, p_details);
  IF moved <> '{}' THEN
    FOR i IN 1..cardinality(p_fact_entries) LOOP
      CONTINUE WHEN p_fact_questions[i] <> ALL (moved);
      entry := p_fact_entries[i];
      IF p_refusals[i] IS NOT NULL THEN
        refused[entry] := least(refused[entry], i);
      ELSIF statuses[entry] IS NULL THEN
        statuses[entry] := 'stale';
      END IF;
    END LOOP;
  END IF;
  IF 'nonce_unspent' = ANY (p_kinds) THEN
    FOREACH i IN ARRAY ledger_spend_nonces(fact_zones, p_kinds, p_details,
                                           ARRAY(SELECT statuses[p_fact_entries[f]] IS NULL FROM unnest(p_facts) AS f))
    LOOP
      entry := p_fact_entries[p_facts[i]];
      refused[entry] := least(refused[entry], p_facts[i]);
    END LOOP;
  END IF;
  IF p_kinds && '{delegation_unspent,challenge_satisfied,challenge_allowed}' OR p_proofs IS NOT NULL OR p_challenges IS NOT NULL THEN
    FOR r IN SELECT d.* FROM ledger_decide_rare(
               p_ids, zones_of, ARRAY(SELECT s IS NULL FROM unnest(statuses) AS s), refused, p_proofs, p_challenges,
               p_facts, ARRAY(SELECT p_fact_entries[f] FROM unnest(p_facts) AS f), p_kinds, p_details) AS d
    LOOP
      refused[r.entry] := r.refused;
      IF r.challenge IS NOT NULL THEN
        p_tails[r.entry] := p_tails[r.entry] || ',"challenge":' || r.challenge;
        others := coalesce(others, '[]') || jsonb_build_array(jsonb_build_array(r.entry, 'opened', r.challenge));
      END IF;
    END LOOP;
  END IF;
  IF p_births IS NOT NULL THEN
    INSERT INTO sessions (zone_id, id, root_id, client_id, subject, issuer, federated_identity_id, acr, amr, auth_time,
                          expires_at, zone_generation, client_generation, subject_generation, issuer_generation)
    SELECT zones_of[s.entry], s.id, s.root_id, s.client_id, s.subject, s.issuer, s.federated_identity_id, s.acr, s.amr,
           to_timestamp(s.auth_time), to_timestamp(s.expires_at), coalesce(s.zone_generation, 0),
           coalesce(s.client_generation, 0), coalesce(s.subject_generation, 0), coalesce(s.issuer_generation, 0)
      FROM jsonb_to_recordset(p_births)
        AS s (entry integer, id uuid, root_id uuid, client_id uuid, subject text, issuer text, federated_identity_id uuid,
              acr text, amr text[], auth_time double precision, expires_at double precision, zone_generation integer,
              client_generation integer, subject_generation integer, issuer_generation integer)
     WHERE statuses[s.entry] IS NULL AND refused[s.entry] IS NULL;
  END IF;
  IF p_issued IS NOT NULL THEN
    PERFORM status_lists_add(zones_of, p_issued,
                             ARRAY(SELECT s.status IS NULL AND s.fact IS NULL FROM unnest(statuses, refused) AS s (status, fact)));
  END IF;

  wanted := array_fill(true, ARRAY[many]);
  FOR i IN 1..many LOOP
    IF statuses[i] IS NOT NULL THEN
      others := coalesce(others, '[]') || jsonb_build_array(jsonb_build_array(i, statuses[i]));
      wanted[i] := false;
    ELSIF refused[i] IS NOT NULL THEN
      others := coalesce(others, '[]') || jsonb_build_array(jsonb_build_array(i, 'refused', refused[i]));
      p_outcomes[i] := p_refusal_outcomes[p_refusals[refused[i]]];
      p_tails[i] := p_refusal_tails[p_refusals[refused[i]]];
      p_jtis[i] := NULL;
    END IF;
  END LOOP;
  seqs := audit_append_texts(p_writer, p_zones, seqs, hashes, wanted,
    p_ids, p_entry_zones, p_request_ids, p_request_labels, p_types, p_outcomes, p_clients, p_jtis, p_heads, p_tails);
  RETURN NEXT;
END $$;

-- The same for processes of the version before, of which each fact asks for itself.
CREATE OR REPLACE FUNCTION ledger_record_entries(
  p_writer uuid, p_patient boolean, p_zones uuid[], p_seqs bigint[],
  p_ids uuid[], p_entry_zones integer[], p_checked boolean[], p_needed_clients uuid[],
  p_request_ids text[], p_request_labels text[], p_types text[], p_outcomes text[], p_clients uuid[], p_jtis uuid[],
  p_heads text[], p_tails text[],
  p_fact_entries integer[], p_kinds text[], p_fact_ids uuid[], p_details text[], p_refusals integer[],
  p_refusal_outcomes text[], p_refusal_tails text[],
  p_births jsonb, p_proofs jsonb, p_challenges jsonb, p_issued jsonb)
RETURNS TABLE (seqs bigint[], others jsonb) LANGUAGE plpgsql AS $$
DECLARE
  each_fact CONSTANT integer[] := ARRAY(SELECT generate_series(1, cardinality(p_kinds)));
BEGIN
  RETURN QUERY SELECT r.seqs, r.others FROM ledger_commit_entries(
    p_writer, p_patient, p_zones, p_seqs, p_ids, p_entry_zones, p_checked, p_needed_clients,
    p_request_ids, p_request_labels, p_types, p_outcomes, p_clients, p_jtis, p_heads, p_tails,
    p_fact_entries, each_fact, p_refusals, each_fact, p_kinds, p_fact_ids, p_details, p_refusal_outcomes, p_refusal_tails,
    p_births, p_proofs, p_challenges, p_issued) AS r;
END $$;

-- The same for processes of versions before that, which know of no status lists.
CREATE OR REPLACE FUNCTION ledger_record_batch(
  p_writer uuid, p_patient boolean, p_zones uuid[], p_seqs bigint[],
  p_ids uuid[], p_entry_zones integer[], p_checked boolean[], p_needed_clients uuid[],
  p_request_ids text[], p_request_labels text[], p_types text[], p_outcomes text[], p_clients uuid[], p_jtis uuid[],
  p_heads text[], p_tails text[],
  p_fact_entries integer[], p_kinds text[], p_fact_ids uuid[], p_details text[], p_refusals integer[],
  p_refusal_outcomes text[], p_refusal_tails text[],
  p_births jsonb, p_proofs jsonb, p_challenges jsonb)
RETURNS TABLE (seqs bigint[], others jsonb) LANGUAGE sql AS $$
  SELECT r.seqs, r.others FROM ledger_record_entries(
    p_writer, p_patient, p_zones, p_seqs, p_ids, p_entry_zones, p_checked, p_needed_clients,
    p_request_ids, p_request_labels, p_types, p_outcomes, p_clients, p_jtis, p_heads, p_tails,
    p_fact_entries, p_kinds, p_fact_ids, p_details, p_refusals, p_refusal_outcomes, p_refusal_tails,
    p_births, p_proofs, p_challenges, NULL) AS r
$$;
