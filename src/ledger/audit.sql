-- The audit log: events that never change, in hash chains that show if one did.

-- An event, in whichever form it was stored: as the text that was hashed, or as jsonb whose text was. In a query,
-- audit_event(a) of audit_events a.
CREATE OR REPLACE FUNCTION audit_event(a audit_events) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
  SELECT coalesce(a.event_text::jsonb, a.event)
$$;

-- Raises object_not_in_prerequisite_state if nothing is added to the log of one of these zones, since it is on its way to or
-- from another installation, or has moved there (zones.away). To be called when the chain is taken: who sends a zone
-- takes all of its chains, so what was added before is sent, and what comes later sees it here. A chain that is yet to begin
-- cannot be taken, so its beginning waits behind the gate that closes then.
CREATE OR REPLACE FUNCTION audit_refuse_away(p_zones uuid[], p_begins boolean) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  away uuid;
BEGIN
  IF p_begins THEN
    PERFORM pg_advisory_xact_lock_shared(hashtextextended('first events of ' || zone::text, 0))
       FROM (SELECT DISTINCT unnest(p_zones) AS zone ORDER BY 1) AS zones;
  END IF;
  SELECT z.id INTO away FROM zones z WHERE z.id = ANY (p_zones) AND z.away IS NOT NULL LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'the zone % is not served here', away USING ERRCODE = 'object_not_in_prerequisite_state';
  END IF;
END $$;

-- Adds one event to a chain, after the head that is given. Returns the new head, which the caller stores.
-- The canonical form of an event is the text of its jsonb: hash = sha256(previous || event::text).
CREATE OR REPLACE FUNCTION audit_add(p_head audit_chains, p_id uuid, p_event jsonb)
RETURNS audit_chains LANGUAGE plpgsql AS $$
DECLARE
  at    timestamptz := clock_timestamp();
  moved audit_chains := p_head;
  full_event jsonb;
BEGIN
  moved.seq := p_head.seq + 1;
  moved.last_event_id := p_id;
  full_event := p_event || jsonb_build_object(
    'id', p_id, 'zone_id', p_head.zone_id, 'writer', p_head.writer, 'seq', moved.seq,
    'occurred_at', to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'));
  moved.hash := sha256(p_head.hash || convert_to(full_event::text, 'UTF8'));
  INSERT INTO audit_events (zone_id, id, occurred_at, writer, seq, request_id, request_label, type, outcome,
                            client_id, jti, previous_hash, hash, event)
  VALUES (moved.zone_id, p_id, at, moved.writer, moved.seq, full_event->>'request_id', full_event->>'request_label',
          full_event->>'type', full_event->>'outcome', (full_event->>'client_id')::uuid,
          (full_event->'mandate'->>'jti')::uuid, p_head.hash, moved.hash, full_event);
  RETURN moved;
END $$;

-- Appends one event to the chain of its zone and writer, behind other transactions that append to it.
CREATE OR REPLACE FUNCTION audit_append(p_zone uuid, p_writer uuid, p_id uuid, p_event jsonb)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  head  audit_chains;
BEGIN
  SELECT * INTO head FROM audit_chains c WHERE c.zone_id = p_zone AND c.writer = p_writer FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    -- A twin may be beginning the same chain: then this waits for it, and goes on where it ends.
    INSERT INTO audit_chains (zone_id, writer, seq, hash) VALUES (p_zone, p_writer, 0, decode(repeat('00', 32), 'hex'))
      ON CONFLICT DO NOTHING;
    SELECT * INTO STRICT head FROM audit_chains c WHERE c.zone_id = p_zone AND c.writer = p_writer FOR NO KEY UPDATE;
  END IF;
  PERFORM audit_refuse_away(ARRAY[p_zone], head.seq = 0);
  head := audit_add(head, p_id, p_event);
  UPDATE audit_chains c SET seq = head.seq, hash = head.hash, last_event_id = head.last_event_id
   WHERE c.zone_id = p_zone AND c.writer = p_writer;
END $$;

-- Takes the chains of one writer in some zones until the transaction ends. Returns their heads, without those of
-- chains that somebody else holds; of a chain that is yet to begin, where it will.
CREATE OR REPLACE FUNCTION audit_take(p_writer uuid, p_zones uuid[]) RETURNS SETOF audit_chains LANGUAGE plpgsql AS $$
DECLARE
  taken integer;
BEGIN
  RETURN QUERY SELECT c.zone_id, c.writer, c.seq, c.hash, c.last_event_id FROM audit_chains c
   WHERE c.zone_id = ANY (p_zones) AND c.writer = p_writer
    FOR NO KEY UPDATE SKIP LOCKED;
  GET DIAGNOSTICS taken = ROW_COUNT;
  IF taken < cardinality(p_zones) THEN
    RETURN QUERY SELECT z.id, p_writer, 0::bigint, decode(repeat('00', 32), 'hex'), NULL::uuid FROM unnest(p_zones) AS z (id)
      WHERE NOT EXISTS (SELECT FROM audit_chains c WHERE c.zone_id = z.id AND c.writer = p_writer);
  END IF;
END $$;

-- Appends the events of a batch to chains that are taken, in order. Each head is stored once: whoever keeps an old
-- snapshot keeps every version of it.
CREATE OR REPLACE FUNCTION audit_append_all(p_heads audit_chains[], p_zones uuid[], p_ids uuid[], p_events jsonb[])
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  head   audit_chains;
  before bytea;
  event  record;
BEGIN
  FOREACH head IN ARRAY p_heads LOOP
    CONTINUE WHEN NOT head.zone_id = ANY (p_zones);
    PERFORM audit_refuse_away(ARRAY[head.zone_id], head.seq = 0);
    before := head.hash;
    FOR event IN SELECT x.id, x.content FROM unnest(p_zones, p_ids, p_events) WITH ORDINALITY AS x (zone, id, content, n)
                  WHERE x.zone = head.zone_id ORDER BY x.n
    LOOP
      head := audit_add(head, event.id, event.content);
    END LOOP;
    INSERT INTO audit_chains AS c SELECT head.*
      ON CONFLICT (zone_id, writer) DO UPDATE
        SET seq = EXCLUDED.seq, hash = EXCLUDED.hash, last_event_id = EXCLUDED.last_event_id WHERE c.hash = before;
    IF NOT FOUND THEN
      RAISE EXCEPTION 'the chain of % in % has another head', head.writer, head.zone_id USING ERRCODE = 'serialization_failure';
    END IF;
  END LOOP;
END $$;

-- Appends the events of a batch to chains that are taken, in order, as text: hash = sha256(previous || event_text), so that
-- each can be verified by itself. What the process does not know before the call is put in front of what it has written.
-- All events of a batch have happened at one moment. An event is named by its place, its chain by its place in p_zones.
--
-- p_seqs, p_hashes: the heads of the chains. p_wanted: which events are appended.
-- p_heads, p_tails: the members of each event, as text without braces.
-- Returns where the chains end now.
CREATE OR REPLACE FUNCTION audit_append_texts(
  p_writer uuid, p_zones uuid[], p_seqs bigint[], p_hashes bytea[], p_wanted boolean[], p_ids uuid[], p_chains integer[],
  p_request_ids text[], p_request_labels text[], p_types text[], p_outcomes text[], p_clients uuid[], p_jtis uuid[],
  p_heads text[], p_tails text[])
RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
  many    CONSTANT integer := cardinality(p_ids);
  at      CONSTANT timestamptz := clock_timestamp();
  moment  CONSTANT text := to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');
  begins  CONSTANT text := '","writer":"' || p_writer || '","occurred_at":"' || moment || '","seq":';
  seqs    bigint[] := p_seqs;
  ends    bytea[] := p_hashes;
  last    uuid[] := array_fill(NULL::uuid, ARRAY[cardinality(p_zones)]);
  texts   text[] := array_fill(NULL::text, ARRAY[many]);
  numbers bigint[] := array_fill(NULL::bigint, ARRAY[many]);
  before  bytea[] := array_fill(NULL::bytea, ARRAY[many]);
  hashes  bytea[] := array_fill(NULL::bytea, ARRAY[many]);
  z       integer;
  moved   integer;
  begun   integer;
BEGIN
  FOR i IN 1..many LOOP
    CONTINUE WHEN NOT p_wanted[i];
    z := p_chains[i];
    seqs[z] := seqs[z] + 1;
    numbers[i] := seqs[z];
    texts[i] := '{"id":"' || p_ids[i] || '","zone_id":"' || p_zones[z] || begins || seqs[z] || ',' || p_heads[i]
                || ',' || p_tails[i] || '}';
    before[i] := ends[z];
    ends[z] := sha256(ends[z] || convert_to(texts[i], 'UTF8'));
    hashes[i] := ends[z];
    last[z] := p_ids[i];
  END LOOP;
  INSERT INTO audit_events (zone_id, id, occurred_at, writer, seq, request_id, request_label, type, outcome,
                            client_id, jti, previous_hash, hash, event, event_text)
  SELECT p_zones[e.chain], e.id, at, p_writer, e.seq, e.request_id, e.request_label, e.type, e.outcome,
         e.client_id, e.jti, e.before, e.hash, '{}', e.content
    FROM unnest(p_chains, p_ids, numbers, p_request_ids, p_request_labels, p_types, p_outcomes, p_clients, p_jtis,
                before, hashes, texts)
      AS e (chain, id, seq, request_id, request_label, type, outcome, client_id, jti, before, hash, content)
   WHERE e.content IS NOT NULL;
  -- Each head is stored once: whoever keeps an old snapshot keeps every version of it.
  IF cardinality(p_zones) = 1 THEN
    UPDATE audit_chains c SET seq = seqs[1], hash = ends[1], last_event_id = last[1]
     WHERE last[1] IS NOT NULL AND c.zone_id = p_zones[1] AND c.writer = p_writer AND c.hash = p_hashes[1]
       AND NOT EXISTS (SELECT FROM zones z WHERE z.id = p_zones[1] AND z.away IS NOT NULL);
  ELSE
    -- Each is looked up by itself, as where they were taken (batch.sql).
    UPDATE audit_chains c SET seq = h.seq, hash = h.hash, last_event_id = h.last
      FROM unnest(p_zones, p_hashes, seqs, ends, last) AS h (zone, before, seq, hash, last)
     CROSS JOIN LATERAL (SELECT a.ctid AS place FROM audit_chains a
                          WHERE a.zone_id = h.zone AND a.writer = p_writer AND a.hash = h.before OFFSET 0) AS a
     WHERE h.last IS NOT NULL AND c.ctid = a.place
       AND NOT EXISTS (SELECT FROM zones z WHERE z.id = h.zone AND z.away IS NOT NULL);
  END IF;
  GET DIAGNOSTICS moved = ROW_COUNT;
  IF moved < cardinality(array_remove(last, NULL)) THEN
    PERFORM audit_refuse_away(ARRAY(SELECT h.zone FROM unnest(p_zones, last) AS h (zone, last) WHERE h.last IS NOT NULL), true);
    INSERT INTO audit_chains (zone_id, writer, seq, hash, last_event_id)
    SELECT h.zone, p_writer, h.seq, h.hash, h.last FROM unnest(p_zones, p_seqs, seqs, ends, last) AS h (zone, before, seq, hash, last)
     WHERE h.last IS NOT NULL AND h.before = 0 ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS begun = ROW_COUNT;
    IF moved + begun < cardinality(array_remove(last, NULL)) THEN
      RAISE EXCEPTION 'a chain of % has another head', p_writer USING ERRCODE = 'serialization_failure';
    END IF;
  END IF;
  RETURN seqs;
END $$;

-- Appends one event, as text without braces, to the chain of its zone and writer, behind other transactions that append
-- to it.
CREATE OR REPLACE FUNCTION audit_append_text(
  p_zone uuid, p_writer uuid, p_id uuid, p_request_id text, p_request_label text, p_type text, p_outcome text,
  p_client uuid, p_jti uuid, p_head text, p_tail text)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  chain audit_chains;
BEGIN
  SELECT * INTO chain FROM audit_chains c WHERE c.zone_id = p_zone AND c.writer = p_writer FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    -- A twin may be beginning the same chain: then this waits for it, and goes on where it ends.
    INSERT INTO audit_chains (zone_id, writer, seq, hash) VALUES (p_zone, p_writer, 0, decode(repeat('00', 32), 'hex'))
      ON CONFLICT DO NOTHING;
    SELECT * INTO STRICT chain FROM audit_chains c WHERE c.zone_id = p_zone AND c.writer = p_writer FOR NO KEY UPDATE;
    PERFORM audit_refuse_away(ARRAY[p_zone], true);
  END IF;
  PERFORM audit_append_texts(
    p_writer, ARRAY[p_zone], ARRAY[chain.seq], ARRAY[chain.hash], '{t}', ARRAY[p_id], '{1}', ARRAY[p_request_id],
    ARRAY[p_request_label], ARRAY[p_type], ARRAY[p_outcome], ARRAY[p_client], ARRAY[p_jti], ARRAY[p_head], ARRAY[p_tail]);
END $$;

CREATE OR REPLACE TRIGGER immutable BEFORE UPDATE OR DELETE ON audit_events
  FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Partitions do not inherit triggers for TRUNCATE: each day gets its own from ledger_maintain().
CREATE OR REPLACE TRIGGER immutable_whole BEFORE TRUNCATE ON audit_events
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE OR REPLACE TRIGGER immutable_whole BEFORE TRUNCATE ON audit_events_default
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
