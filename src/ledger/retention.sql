-- How long what is over is kept. Each day of a table is a partition, and goes as a whole (maintenance.sql); a day of the
-- audit log goes when it is older than AUDIT_RETENTION_DAYS, but for the events of zones that keep it, and what its
-- chains began and ended with stays in audit_heads. A zone keeps a day while it is on legal hold, and as long as the day
-- is no older than the zone's own retention_days.

-- Whole days after which a day is dropped, by what its table holds: with 2, a day goes on the third one after it. The
-- connection that maintains the ledger sets mandate.keep_ended and mandate.keep_deliveries. Nothing lives for longer than
-- a day, but for what kept_while finds alive.
CREATE OR REPLACE FUNCTION ledger_kept_days(p_kept_for text) RETURNS integer LANGUAGE sql STABLE AS $$
  SELECT greatest(2, coalesce(nullif(current_setting('mandate.keep_' || p_kept_for, true), '')::integer,
                              CASE p_kept_for WHEN 'deliveries' THEN 30 ELSE 2 END))
$$;

-- Whether a zone keeps a day of the audit log, by what is set of it.
CREATE OR REPLACE FUNCTION audit_keeps_day(p_legal_hold boolean, p_retention_days integer, p_day date) RETURNS boolean
LANGUAGE sql STABLE AS $$
  SELECT p_legal_hold OR coalesce(p_day >= (now() AT TIME ZONE 'UTC')::date - p_retention_days, false)
$$;

-- The zones that keep a day of the audit log.
CREATE OR REPLACE FUNCTION audit_keepers(p_day date) RETURNS uuid[] LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN ARRAY(SELECT z.id FROM zones z WHERE audit_keeps_day(z.legal_hold, z.retention_days, p_day));
END $$;

-- The days of the audit log that are older than so many whole days and have something to drop, the oldest first. What is
-- counted is what the last ANALYZE has found. A day that was dropped but for some zones is looked at again as soon as one
-- of them keeps it no more, or is gone.
CREATE OR REPLACE FUNCTION audit_days_due(p_kept_days integer)
RETURNS TABLE (day date, about_rows bigint, bytes bigint, held_zones integer) LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN QUERY
  SELECT d.day, greatest(d.reltuples, 0)::bigint, pg_total_relation_size(d.oid), cardinality(audit_keepers(d.day))
    FROM (SELECT c.oid, c.relname, c.reltuples, to_date(right(c.relname, 8), 'YYYYMMDD') AS day
            FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
           WHERE i.inhparent = to_regclass('audit_events') AND c.relname ~ '_[0-9]{8}$') AS d
    LEFT JOIN audit_days_held h ON h.day = d.day
   WHERE d.day < (now() AT TIME ZONE 'UTC')::date - p_kept_days
     AND (h.day IS NULL OR NOT h.zones <@ audit_keepers(d.day))
   ORDER BY d.day;
END $$;

-- Keeps what the chains of a day began and ended with, of all zones but those given. Events of one chain that came
-- around midnight may lie in two days in turns: each run of them without a gap is a row. The chains of a day are found
-- by the index, each by the one before it.
CREATE OR REPLACE FUNCTION audit_keep_heads(p_partition text, p_day date, p_held uuid[]) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
  many bigint;
BEGIN
  IF is_distributed() THEN
    -- Each worker goes through its part of the day: one shard after the other by an index is not a statement of Citus.
    EXECUTE format($heads$
      INSERT INTO audit_heads (zone_id, writer, first_seq, last_seq, day, previous_hash, hash)
      SELECT r.zone_id, r.writer, r.first, r.last, $1, f.previous_hash, l.hash
        FROM (SELECT x.zone_id, x.writer, min(x.seq) AS first, max(x.seq) AS last
                FROM (SELECT a.zone_id, a.writer, a.seq,
                             a.seq - row_number() OVER (PARTITION BY a.zone_id, a.writer ORDER BY a.seq) AS run
                        FROM %1$I a WHERE a.zone_id <> ALL ($2)) AS x
               GROUP BY x.zone_id, x.writer, x.run) AS r
        JOIN %1$I f ON f.zone_id = r.zone_id AND f.writer = r.writer AND f.seq = r.first
        JOIN %1$I l ON l.zone_id = r.zone_id AND l.writer = r.writer AND l.seq = r.last$heads$, p_partition)
      USING p_day, p_held;
    GET DIAGNOSTICS many = ROW_COUNT;
    RETURN many;
  END IF;
  EXECUTE format($heads$
    WITH RECURSIVE chains AS (
      (SELECT a.zone_id, a.writer FROM %1$I a ORDER BY a.zone_id, a.writer, a.seq LIMIT 1)
      UNION ALL
      SELECT n.zone_id, n.writer FROM chains c CROSS JOIN LATERAL (
        SELECT a.zone_id, a.writer FROM %1$I a WHERE (a.zone_id, a.writer) > (c.zone_id, c.writer)
         ORDER BY a.zone_id, a.writer, a.seq LIMIT 1) AS n
    ), ends AS (
      SELECT c.zone_id, c.writer, f.seq AS first, l.seq AS last,
             (SELECT count(*) FROM %1$I a WHERE a.zone_id = c.zone_id AND a.writer = c.writer) AS many
        FROM chains c
       CROSS JOIN LATERAL (SELECT a.seq FROM %1$I a WHERE a.zone_id = c.zone_id AND a.writer = c.writer
                            ORDER BY a.seq LIMIT 1) AS f
       CROSS JOIN LATERAL (SELECT a.seq FROM %1$I a WHERE a.zone_id = c.zone_id AND a.writer = c.writer
                            ORDER BY a.seq DESC LIMIT 1) AS l
       WHERE c.zone_id <> ALL ($2)
    ), runs AS (
      SELECT e.zone_id, e.writer, e.first, e.last FROM ends e WHERE e.many = e.last - e.first + 1
      UNION ALL
      SELECT x.zone_id, x.writer, min(x.seq), max(x.seq)
        FROM (SELECT a.zone_id, a.writer, a.seq,
                     a.seq - row_number() OVER (PARTITION BY a.zone_id, a.writer ORDER BY a.seq) AS run
                FROM ends e JOIN %1$I a ON a.zone_id = e.zone_id AND a.writer = e.writer
               WHERE e.many <> e.last - e.first + 1) AS x
       GROUP BY x.zone_id, x.writer, x.run
    )
    INSERT INTO audit_heads (zone_id, writer, first_seq, last_seq, day, previous_hash, hash)
    SELECT r.zone_id, r.writer, r.first, r.last, $1, f.previous_hash, l.hash
      FROM runs r
      JOIN %1$I f ON f.zone_id = r.zone_id AND f.writer = r.writer AND f.seq = r.first
      JOIN %1$I l ON l.zone_id = r.zone_id AND l.writer = r.writer AND l.seq = r.last$heads$, p_partition)
    USING p_day, p_held;
  GET DIAGNOSTICS many = ROW_COUNT;
  RETURN many;
END $$;

-- Drops a day of the audit log, but for the events of zones that keep it; what its chains began and ended with is kept.
-- Nothing can be added to the day meanwhile; the log as a whole is taken for the moment in which the partition goes.
-- Returns how many runs of events there were, null if another process is at it or has done it. Raises
-- object_not_in_prerequisite_state while events that would go are in no signed checkpoint.
CREATE OR REPLACE FUNCTION audit_drop_day(p_day date) RETURNS bigint LANGUAGE plpgsql SET lock_timeout = '300ms' AS $$
DECLARE
  part  CONSTANT text := 'audit_events_' || to_char(p_day, 'YYYYMMDD');
  kept  CONSTANT text := part || '_kept';
  from_id CONSTANT text := ledger_day_begins('id', p_day);
  to_id   CONSTANT text := ledger_day_begins('id', p_day + 1);
  held  uuid[];
  -- Those of them that have events in the day: when they let go of it, it is worth another look.
  there uuid[];
  runs  bigint;
  stays boolean;
BEGIN
  PERFORM in_sequence();
  IF NOT pg_try_advisory_xact_lock(hashtext('mandate.audit_drop_day')) OR to_regclass(quote_ident(part)) IS NULL THEN
    RETURN NULL;
  END IF;
  EXECUTE format('LOCK TABLE %I IN SHARE MODE', part);
  held := audit_keepers(p_day);
  IF evidence_awaits(part, held) THEN
    RAISE EXCEPTION 'events of % are in no signed checkpoint yet', p_day USING ERRCODE = 'object_not_in_prerequisite_state';
  END IF;
  runs := audit_keep_heads(part, p_day, held);
  EXECUTE format(CASE WHEN is_distributed()
    THEN 'SELECT ARRAY(SELECT DISTINCT a.zone_id FROM %I a WHERE a.zone_id = ANY ($1))'
    ELSE 'SELECT ARRAY(SELECT z.id FROM unnest($1) AS z (id) WHERE EXISTS (SELECT FROM %I a WHERE a.zone_id = z.id))' END, part)
    INTO there USING held;
  stays := cardinality(there) > 0;
  IF stays THEN
    EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL)', kept, part);
    EXECUTE format('INSERT INTO %I SELECT * FROM %I WHERE zone_id = ANY ($1)', kept, part) USING held;
    -- What is known already is not looked for again when it becomes a partition, while nothing can be added to the log.
    EXECUTE format('ALTER TABLE %I ADD CONSTRAINT of_day CHECK (id >= %L AND id < %L)', kept, from_id, to_id);
  END IF;
  -- Before the log is taken: who fills the index reads the log.
  PERFORM audit_index_drop_day(p_day, held, stays);
  -- Whoever has a zone keep more waits for this, or is seen here (zone_held). Each zone is asked for the lock of its table:
  -- where zones are on many servers that is the table of a shard, and the lock is at its worker.
  IF NOT (SELECT coalesce(bool_and(pg_try_advisory_xact_lock(hashtext('mandate.legal_hold'), z.tableoid::integer)), true)
            FROM zones z) THEN
    RAISE EXCEPTION 'a zone may be about to keep more' USING ERRCODE = 'lock_not_available';
  END IF;
  IF EXISTS (SELECT unnest(audit_keepers(p_day)) EXCEPT SELECT unnest(held)) THEN
    RAISE EXCEPTION 'a zone keeps more meanwhile' USING ERRCODE = 'serialization_failure';
  END IF;
  LOCK TABLE audit_events IN ACCESS EXCLUSIVE MODE;
  EXECUTE format('DROP TABLE %I', part);
  DELETE FROM audit_days_held WHERE day = p_day;
  IF stays THEN
    EXECUTE format('ALTER TABLE %I RENAME TO %I', kept, part);
    EXECUTE format('ALTER TABLE audit_events ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', part, from_id, to_id);
    EXECUTE format('ALTER TABLE %I DROP CONSTRAINT of_day', part);
    PERFORM forget_local_rows(part);
    PERFORM ledger_guard_day('audit_events', part);
    INSERT INTO audit_days_held (day, zones) VALUES (p_day, there);
  END IF;
  RETURN runs;
END $$;

-- Before a zone is held, or keeps more days: waits for a day of the audit log that is just going.
CREATE OR REPLACE FUNCTION zone_held() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock_shared(hashtext('mandate.legal_hold'), TG_RELID::integer);
  RETURN NEW;
END $$;

CREATE OR REPLACE TRIGGER zone_held BEFORE UPDATE OF legal_hold, retention_days ON zones
  FOR EACH ROW WHEN ((NEW.legal_hold AND NOT OLD.legal_hold)
                     OR coalesce(NEW.retention_days, 0) > coalesce(OLD.retention_days, 0)) EXECUTE FUNCTION zone_held();

-- The days that go when the ledger is maintained next, of all tables but the audit log: a day with something alive in
-- it stays all the same. Takes what mandate.keep_ended and mandate.keep_deliveries say.
CREATE OR REPLACE FUNCTION ledger_days_due()
RETURNS TABLE (name text, day date, about_rows bigint, bytes bigint) LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN QUERY
  SELECT d.name, d.day, greatest(d.reltuples, 0)::bigint, pg_total_relation_size(d.oid)
    FROM (SELECT t.name, t.kept_for, c.oid, c.relname, c.reltuples, to_date(right(c.relname, 8), 'YYYYMMDD') AS day
            FROM tables_by_day t
            JOIN pg_inherits i ON i.inhparent = to_regclass(quote_ident(t.name))
            JOIN pg_class c ON c.oid = i.inhrelid
           WHERE t.dropped AND c.relname ~ '_[0-9]{8}$') AS d
   WHERE d.day < (now() AT TIME ZONE 'UTC')::date - ledger_kept_days(d.kept_for)
   ORDER BY d.name, d.day;
END $$;
