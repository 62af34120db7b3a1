-- Tables with a partition for each day: which they are, and what keeps a day from being dropped, is in tables_by_day.

-- Makes the partitions of the coming days and drops the days in which nothing can be alive.
-- Sessions, tokens and challenges live for a day at most, but for what kept_while finds alive; one more day is kept
-- for people who look.
CREATE OR REPLACE FUNCTION ledger_maintain(p_days_ahead integer DEFAULT 7) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  -- Whole days after which a day is dropped: of today, on the third day from today.
  kept_days CONSTANT integer := 2;
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
  -- Links that are too old, with the secrets that were drawn for them: so many at a time, and none that is in use.
  DELETE FROM enrolments WHERE (zone_id, token_digest) IN (
    SELECT e.zone_id, e.token_digest FROM enrolments e WHERE e.expires_at < now()
     ORDER BY e.expires_at LIMIT 10000 FOR UPDATE SKIP LOCKED);
  FOR part IN
    SELECT c.relname, t.kept_while FROM tables_by_day t
      JOIN pg_inherits i ON i.inhparent = to_regclass(format('%I', t.name))
      JOIN pg_class c ON c.oid = i.inhrelid
     WHERE t.dropped AND c.relname ~ '_[0-9]{8}$'
       AND to_date(right(c.relname, 8), 'YYYYMMDD') < (now() AT TIME ZONE 'UTC')::date - kept_days
  LOOP
    IF part.kept_while IS NOT NULL THEN
      EXECUTE format('SELECT EXISTS (SELECT 1 FROM %I WHERE %s)', part.relname, part.kept_while) INTO alive;
      CONTINUE WHEN alive;
    END IF;
    EXECUTE format('DROP TABLE %I', part.relname);
  END LOOP;
END $$;
