-- The audit log: events that never change, in hash chains that show if one did.

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
  RETURN QUERY SELECT * FROM audit_chains c WHERE c.zone_id = ANY (p_zones) AND c.writer = p_writer
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

CREATE OR REPLACE TRIGGER immutable BEFORE UPDATE OR DELETE ON audit_events
  FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Partitions do not inherit triggers for TRUNCATE: each day gets its own from ledger_maintain().
CREATE OR REPLACE TRIGGER immutable_whole BEFORE TRUNCATE ON audit_events
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE OR REPLACE TRIGGER immutable_whole BEFORE TRUNCATE ON audit_events_default
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
