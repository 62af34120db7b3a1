-- The index of the audit log: by which terms (terms.sql) which event is found. It is filled behind the commits that record
-- events, which know nothing of it. Which events are in it is said exactly: of each chain those up to a number, in
-- audit_index_heads, which is stored together with them.

-- PostgreSQL puts terms that are added aside, and moves them to where they are found when there are many, in the statement
-- that brings the last of them. By default many are 4 MB, those of more than twenty thousand events, which takes a tenth of a
-- second, and commits wait for the processor meanwhile. So who adds says that it is less (gin_pending_list_limit, in kB),
-- which takes no longer altogether.

-- The terms of an event as the index has them: a number for each, and one for its zone. Two terms may have one number, so
-- what is found by it is compared with the event itself.
CREATE OR REPLACE FUNCTION audit_term_digests(p_terms text[]) RETURNS bigint[] LANGUAGE sql IMMUTABLE AS $$
  SELECT ARRAY(SELECT hashtextextended(term, 0) FROM unnest(p_terms) AS term)
$$;

-- Chains that have events which are not in the index yet: up to which number they are, and up to which they are recorded; how
-- many of them are to be added now; and before which their ids are not, if clocks are right (null: not known). Every chain
-- gets its share, so that none waits for one that has much to be added.
--
-- p_most: about how many events at most.
-- p_age:  for how long the next event of a chain has to be there: who has recorded it adds it for less (audit_index_remember).
CREATE OR REPLACE FUNCTION audit_index_behind(p_most integer, p_age interval)
RETURNS TABLE (zone_id uuid, writer uuid, done bigint, recorded bigint, share bigint, ids_from uuid) LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  WITH chosen AS MATERIALIZED (
    -- Whichever: were it those that have the least to be added, others would wait for as long as these come again.
    SELECT c.zone_id, c.writer, coalesce(h.seq, 0) AS done, c.seq AS recorded, c.seq - coalesce(h.seq, 0) AS many, h.ids_from
      FROM audit_chains c LEFT JOIN audit_index_heads h ON h.zone_id = c.zone_id AND h.writer = c.writer
     WHERE c.seq > coalesce(h.seq, 0)
       AND (p_age = interval '0' OR coalesce((
             SELECT a.occurred_at FROM audit_events a
              WHERE a.zone_id = c.zone_id AND a.writer = c.writer
                AND a.seq >= coalesce(h.seq, 0) + 1 AND a.seq <= coalesce(h.seq, 0) + 1
                AND a.id >= coalesce(h.ids_from, '00000000-0000-0000-0000-000000000000')
              ORDER BY a.seq LIMIT 1), '-infinity')
           <= clock_timestamp() - p_age)
     ORDER BY random() LIMIT least(p_most, 256)
  ), placed AS MATERIALIZED (
    SELECT c.*, count(*) OVER () AS chains, row_number() OVER w AS place, sum(c.many) OVER w - c.many AS before
      FROM chosen c WINDOW w AS (ORDER BY c.many, c.zone_id, c.writer)
  )
  -- What is left by chains that have little to be added is for those that have more.
  SELECT p.zone_id, p.writer, p.done, p.recorded,
         greatest(floor(max((p_most - p.before) / (p.chains - p.place + 1)) OVER (ORDER BY p.place)), 1)::bigint AS share,
         p.ids_from
    FROM placed p;
END $$;

-- The same, for who is to fill the index until its transaction ends (index-filling.ts): none while another process is at it.
CREATE OR REPLACE FUNCTION audit_index_turn(p_most integer, p_age interval)
RETURNS TABLE (zone_id uuid, writer uuid, done bigint, recorded bigint, share bigint, ids_from uuid) LANGUAGE plpgsql AS $$
BEGIN
  IF NOT pg_try_advisory_xact_lock(hashtext('mandate.audit_index')) THEN RETURN; END IF;
  -- What is lost in a crash is added once more: the heads are lost with it.
  PERFORM set_config('synchronous_commit', 'off', true);
  RETURN QUERY SELECT * FROM audit_index_behind(p_most, p_age);
END $$;

-- Adds events to the index, and says of each chain how far it is now. By who has the turn.
--
-- p_zones, p_writers, p_seqs, p_ids_from: the chains.
-- p_chains: the chain of each event, by its place in these.
-- p_terms:  the terms of each event, but for its zone, with U+001F between them; null where they are to be found here.
CREATE OR REPLACE FUNCTION audit_index_add(
  p_zones uuid[], p_writers uuid[], p_seqs bigint[], p_ids_from uuid[],
  p_chains integer[], p_ids uuid[], p_times timestamptz[], p_terms text[])
RETURNS void LANGUAGE plpgsql SET gin_pending_list_limit = 256 AS $$
BEGIN
  INSERT INTO audit_index (zone_id, id, occurred_at, terms)
  SELECT p_zones[e.chain], e.id, e.at,
         audit_term_digests(
           CASE WHEN e.terms IS NULL
                THEN (SELECT audit_terms(audit_event(a)) FROM audit_events a WHERE a.zone_id = p_zones[e.chain] AND a.id = e.id)
                ELSE string_to_array(e.terms, E'\x1f') END || ('zone:' || p_zones[e.chain]))
    FROM unnest(p_chains, p_ids, p_times, p_terms) AS e (chain, id, at, terms)
  ON CONFLICT DO NOTHING;
  INSERT INTO audit_index_heads (zone_id, writer, seq, ids_from)
  SELECT * FROM unnest(p_zones, p_writers, p_seqs, p_ids_from)
  ON CONFLICT (zone_id, writer) DO UPDATE SET seq = EXCLUDED.seq, ids_from = EXCLUDED.ids_from;
END $$;

-- Adds events to the index whose terms are known by who has recorded them, as far as they follow upon what is in it: what
-- comes before an event of its chain is there, or is added with it. Of the others nothing is done.
--
-- p_zones, p_ids: the events. p_terms: their terms, but for their zones, with U+001F between them and U+001E between events.
-- p_ids_from: before which no id is of an event that comes after them.
-- Returns how many were added; null if another process is at it.
CREATE OR REPLACE FUNCTION audit_index_remember(p_zones uuid[], p_ids uuid[], p_terms text, p_ids_from uuid)
RETURNS integer LANGUAGE plpgsql
-- Look-ups, however small tables are when a plan is made: it is kept, and tables grow.
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET gin_pending_list_limit = 256
AS $$
DECLARE
  added integer;
  least_id    CONSTANT uuid := (SELECT i FROM unnest(p_ids) AS i ORDER BY i LIMIT 1);
  greatest_id CONSTANT uuid := (SELECT i FROM unnest(p_ids) AS i ORDER BY i DESC LIMIT 1);
BEGIN
  IF NOT pg_try_advisory_xact_lock(hashtext('mandate.audit_index')) THEN RETURN NULL; END IF;
  PERFORM set_config('synchronous_commit', 'off', true);
  WITH found AS MATERIALIZED (
    SELECT g.zone AS zone_id, g.id, a.writer, a.seq, a.occurred_at, g.terms
      FROM unnest(p_zones, p_ids, string_to_array(p_terms, E'\x1e')) AS g (zone, id, terms)
     CROSS JOIN LATERAL (
       -- The range leaves out other days at once. The order is that of one index only: of an empty table all that begin
       -- with the zone cost the same, and by another one each look-up would read the events of the whole zone.
       SELECT e.writer, e.seq, e.occurred_at FROM audit_events e
        WHERE e.zone_id = g.zone AND e.id >= g.id AND e.id <= g.id AND e.id BETWEEN least_id AND greatest_id
        ORDER BY e.id LIMIT 1) AS a
  ), following AS MATERIALIZED (
    SELECT f.*, f.seq - row_number() OVER (PARTITION BY f.zone_id, f.writer ORDER BY f.seq) = coalesce(h.seq, 0) AS follows
      FROM found f LEFT JOIN audit_index_heads h ON h.zone_id = f.zone_id AND h.writer = f.writer
     WHERE f.seq > coalesce(h.seq, 0)
  ), stored AS (
    INSERT INTO audit_index (zone_id, id, occurred_at, terms)
    SELECT f.zone_id, f.id, f.occurred_at,
           ARRAY(SELECT hashtextextended(t, 0) FROM unnest(string_to_array(f.terms, E'\x1f') || ('zone:' || f.zone_id)) AS t)
      FROM following f WHERE f.follows
  ), moved AS (
    INSERT INTO audit_index_heads (zone_id, writer, seq, ids_from)
    SELECT f.zone_id, f.writer, max(f.seq), p_ids_from FROM following f WHERE f.follows GROUP BY f.zone_id, f.writer
    ON CONFLICT (zone_id, writer) DO UPDATE SET seq = EXCLUDED.seq, ids_from = EXCLUDED.ids_from
  )
  SELECT count(*) INTO added FROM following f WHERE f.follows;
  RETURN added;
EXCEPTION
  -- The index is made again, and has some of them: who reads the log leaves out what is there.
  WHEN unique_violation THEN RETURN 0;
END $$;

-- Adds events to the index that are recorded and not in it yet, as audit_index_turn and audit_index_add do: for processes of
-- a version that knows no other way, which costs several times as much.
--
-- p_most: about how many events at most.
-- Returns how many were added; null if another process is at it.
CREATE OR REPLACE FUNCTION audit_index_fill(p_most integer) RETURNS integer LANGUAGE plpgsql
SET gin_pending_list_limit = 256 AS $$
DECLARE
  added integer;
BEGIN
  IF NOT pg_try_advisory_xact_lock(hashtext('mandate.audit_index')) THEN RETURN NULL; END IF;
  PERFORM set_config('synchronous_commit', 'off', true);
  WITH behind AS MATERIALIZED (
    SELECT * FROM audit_index_behind(p_most, interval '0')
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

-- Seconds since the oldest event was recorded that is not in the index yet; 0 if there is none. Days that are over are looked
-- at only for chains of which the next event is not where it should be.
CREATE OR REPLACE FUNCTION audit_index_lag() RETURNS double precision LANGUAGE sql STABLE AS $$
  SELECT coalesce(greatest(extract(epoch FROM clock_timestamp() - min(e.occurred_at)), 0), 0)::double precision
    FROM audit_chains c LEFT JOIN audit_index_heads h ON h.zone_id = c.zone_id AND h.writer = c.writer
   CROSS JOIN LATERAL (SELECT coalesce(
     (SELECT a.occurred_at FROM audit_events a
       WHERE a.zone_id = c.zone_id AND a.writer = c.writer AND a.seq >= h.seq + 1 AND a.seq <= h.seq + 1
         AND a.id >= h.ids_from ORDER BY a.seq LIMIT 1),
     (SELECT a.occurred_at FROM audit_events a
       WHERE a.zone_id = c.zone_id AND a.writer = c.writer AND a.seq > coalesce(h.seq, 0) ORDER BY a.seq LIMIT 1)
     ) AS occurred_at) AS e
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
