-- The audit log: events that never change, in hash chains that show if one did.

-- Appends one event to the chain of its zone and writer.
-- The canonical form of an event is the text of its jsonb: hash = sha256(previous || event::text).
CREATE OR REPLACE FUNCTION audit_append(p_zone uuid, p_writer uuid, p_id uuid, p_event jsonb)
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
  INSERT INTO audit_events (zone_id, id, occurred_at, writer, seq, request_id, request_label, type, outcome,
                            client_id, jti, previous_hash, hash, event)
  VALUES (p_zone, p_id, at, p_writer, head.seq + 1, full_event->>'request_id',
          full_event->>'request_label', full_event->>'type', full_event->>'outcome', (full_event->>'client_id')::uuid,
          (full_event->'mandate'->>'jti')::uuid, head.hash, next_hash, full_event);
  UPDATE audit_chains c SET seq = head.seq + 1, hash = next_hash
   WHERE c.zone_id = p_zone AND c.writer = p_writer;
END $$;

CREATE OR REPLACE TRIGGER immutable BEFORE UPDATE OR DELETE ON audit_events
  FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Partitions do not inherit triggers for TRUNCATE: each day gets its own from ledger_maintain().
CREATE OR REPLACE TRIGGER immutable_whole BEFORE TRUNCATE ON audit_events
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE OR REPLACE TRIGGER immutable_whole BEFORE TRUNCATE ON audit_events_default
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
