-- The index of the audit log: by which terms (terms.sql) which event is found. It is filled behind the commits that record
-- events, which know nothing of it. Which events are in it is said exactly: of each chain those up to a number, in
-- audit_index_heads, which is stored together with them.

-- The terms of an event as the index has them: a number for each, and one for its zone. Two terms may have one number, so
-- what is found by it is compared with the event itself.
CREATE OR REPLACE FUNCTION audit_term_digests(p_terms text[]) RETURNS bigint[] LANGUAGE sql IMMUTABLE AS $$
  SELECT ARRAY(SELECT hashtextextended(term, 0) FROM unnest(p_terms) AS term)
$$;

-- Adds events to the index that are recorded and not in it yet, and says of each chain how far it is now. Every chain gets
-- its share, so that none waits for one that has much to be added.
--
-- p_most: about how many events at most.
-- Returns how many were added; null if another process is at it.
CREATE OR REPLACE FUNCTION audit_index_fill(p_most integer) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
  added integer;
BEGIN
  IF NOT pg_try_advisory_xact_lock(hashtext('mandate.audit_index')) THEN RETURN NULL; END IF;
  -- What is lost in a crash is added once more: the heads are lost with it.
  PERFORM set_config('synchronous_commit', 'off', true);
  WITH chosen AS MATERIALIZED (
    -- Whichever: were it those that have the least to be added, others would wait for as long as these come again.
    SELECT c.zone_id, c.writer, coalesce(h.seq, 0) AS done, c.seq AS recorded, c.seq - coalesce(h.seq, 0) AS many
      FROM audit_chains c LEFT JOIN audit_index_heads h ON h.zone_id = c.zone_id AND h.writer = c.writer
     WHERE c.seq > coalesce(h.seq, 0)
     ORDER BY random() LIMIT least(p_most, 256)
  ), placed AS MATERIALIZED (
    SELECT c.*, count(*) OVER () AS chains, row_number() OVER w AS place, sum(c.many) OVER w - c.many AS before
      FROM chosen c WINDOW w AS (ORDER BY c.many, c.zone_id, c.writer)
  ), behind AS MATERIALIZED (
    -- What is left by chains that have little to be added is for those that have more.
    SELECT p.zone_id, p.writer, p.done, p.recorded,
           greatest(floor(max((p_most - p.before) / (p.chains - p.place + 1)) OVER (ORDER BY p.place)), 1)::bigint AS share
      FROM placed p
  ), found AS MATERIALIZED (
    SELECT e.zone_id, e.writer, e.seq, e.id, e.occurred_at, audit_terms(audit_event(e)) AS terms
      FROM behind b CROSS JOIN LATERAL (
        SELECT * FROM audit_events a
         WHERE a.zone_id = b.zone_id AND a.writer = b.writer AND a.seq > b.done AND a.seq <= b.recorded
         ORDER BY a.seq LIMIT b.share) AS e
  ), stored AS (
    INSERT INTO audit_index (zone_id, id, occurred_at, terms)
    SELECT f.zone_id, f.id, f.occurred_at, audit_term_digests(f.terms || ('zone:' || f.zone_id)) FROM found f
    ON CONFLICT DO NOTHING
  ), moved AS (
    -- A chain whose share was not used up is there to its end, whatever of it was dropped with its day.
    INSERT INTO audit_index_heads AS h (zone_id, writer, seq)
    SELECT b.zone_id, b.writer, CASE WHEN f.many = b.share THEN f.last ELSE b.recorded END
      FROM behind b
      LEFT JOIN (SELECT zone_id, writer, count(*) AS many, max(seq) AS last FROM found GROUP BY zone_id, writer) AS f
        ON f.zone_id = b.zone_id AND f.writer = b.writer
    ON CONFLICT (zone_id, writer) DO UPDATE SET seq = EXCLUDED.seq
  )
  SELECT count(*) INTO added FROM found;
  RETURN added;
END $$;

-- Seconds since the oldest event was recorded that is not in the index yet; 0 if there is none.
CREATE OR REPLACE FUNCTION audit_index_lag() RETURNS double precision LANGUAGE sql STABLE AS $$
  SELECT coalesce(greatest(extract(epoch FROM clock_timestamp() - min(e.occurred_at)), 0), 0)::double precision
    FROM audit_chains c LEFT JOIN audit_index_heads h ON h.zone_id = c.zone_id AND h.writer = c.writer
   CROSS JOIN LATERAL (
     SELECT a.occurred_at FROM audit_events a
      WHERE a.zone_id = c.zone_id AND a.writer = c.writer AND a.seq > coalesce(h.seq, 0) ORDER BY a.seq LIMIT 1) AS e
   WHERE c.seq > coalesce(h.seq, 0)
$$;

-- Makes a partition of the index for each day of the audit log. Days that are older than the index have none yet.
CREATE OR REPLACE FUNCTION audit_index_days() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  day date;
BEGIN
  FOR day IN
    SELECT to_date(right(c.relname, 8), 'YYYYMMDD') FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
     WHERE i.inhparent = to_regclass('audit_events') AND c.relname ~ '_[0-9]{8}$'
       AND to_regclass(quote_ident('audit_index_' || right(c.relname, 8))) IS NULL
     ORDER BY 1
  LOOP
    PERFORM ledger_make_day('audit_index', ledger_day_begins('id', day), ledger_day_begins('id', day + 1),
                            'audit_index_' || to_char(day, 'YYYYMMDD'));
  END LOOP;
END $$;

-- Takes a day out of the index that goes from the audit log, but for the events of zones that are held.
CREATE OR REPLACE FUNCTION audit_index_drop_day(p_day date, p_held uuid[], p_stays boolean) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  part CONSTANT text := 'audit_index_' || to_char(p_day, 'YYYYMMDD');
BEGIN
  -- Who is filling the index may be adding events of that day: it has ended then, and none begins.
  PERFORM pg_advisory_xact_lock(hashtext('mandate.audit_index'));
  DELETE FROM audit_index_default i
   WHERE i.id >= ledger_day_begins('id', p_day)::uuid AND i.id < ledger_day_begins('id', p_day + 1)::uuid
     AND i.zone_id <> ALL (p_held);
  IF to_regclass(quote_ident(part)) IS NULL THEN
    RETURN;
  ELSIF p_stays THEN
    EXECUTE format('DELETE FROM %I WHERE zone_id <> ALL ($1)', part) USING p_held;
  ELSE
    EXECUTE format('DROP TABLE %I', part);
  END IF;
END $$;
