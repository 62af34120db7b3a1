-- Tables with a partition for each day: which they are, and what keeps a day from being dropped, is in tables_by_day.

-- The least key that a row of a day may have. A day ends where the next one begins.
CREATE OR REPLACE FUNCTION ledger_day_begins(p_keyed_by text, p_day date) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT CASE p_keyed_by WHEN 'date' THEN p_day::text ELSE uuid_from_time(p_day::timestamp AT TIME ZONE 'UTC')::text END
$$;

-- Makes the partition of a day of which rows are in the default partition, and moves them there. The rows stay as they
-- are, and no trigger sees them move: nothing of them is new, changed or gone. p_from and p_to are its bounds.
CREATE OR REPLACE FUNCTION ledger_move_day(p_table text, p_partition text, p_from text, p_to text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  rest     CONSTANT text := p_table || '_default';
  names    text;
  key      text;
  key_type text;
BEGIN
  SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) INTO names FROM pg_attribute
   WHERE attrelid = to_regclass(quote_ident(p_table)) AND attnum > 0 AND NOT attisdropped AND attgenerated = '';
  SELECT quote_ident(a.attname), format_type(a.atttypid, NULL) INTO key, key_type
    FROM pg_partitioned_table p JOIN pg_attribute a ON a.attrelid = p.partrelid AND a.attnum = p.partattrs[0]
   WHERE p.partrelid = to_regclass(quote_ident(p_table));
  EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE', p_table);
  EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL)', p_partition, p_table);
  EXECUTE format('ALTER TABLE %I DISABLE TRIGGER USER', rest);
  EXECUTE format('WITH moved AS (DELETE FROM %I WHERE %s >= %L::%s AND %s < %L::%s RETURNING %s)
                  INSERT INTO %I (%s) SELECT * FROM moved',
    rest, key, p_from, key_type, key, p_to, key_type, names, p_partition, names);
  EXECUTE format('ALTER TABLE %I ENABLE TRIGGER USER', rest);
  EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', p_table, p_partition, p_from, p_to);
  PERFORM forget_local_rows(p_partition);
END $$;

-- What a partition of the audit log does not have from it: triggers for TRUNCATE are not inherited.
CREATE OR REPLACE FUNCTION ledger_guard_day(p_table text, p_partition text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF p_table = 'audit_events' THEN
    EXECUTE format('CREATE TRIGGER immutable_whole BEFORE TRUNCATE ON %I
      FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', p_partition);
  END IF;
END $$;

-- Makes the partition of a day. p_from and p_to are its bounds.
CREATE OR REPLACE FUNCTION ledger_make_day(p_table text, p_from text, p_to text, p_partition text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)', p_partition, p_table, p_from, p_to);
  PERFORM ledger_guard_day(p_table, p_partition);
EXCEPTION WHEN check_violation THEN
  -- Rows of that day are there before it, such as those of a process whose clock was wrong.
  PERFORM ledger_move_day(p_table, p_partition, p_from, p_to);
  PERFORM ledger_guard_day(p_table, p_partition);
END $$;

-- Clears the default partition of a table of days that are over. Rows come to be there when a process's clock was
-- wrong, or when no partition was made in time. What is dropped by the day is removed when its day would be dropped, so
-- many rows at a time; the audit log gets the partition of the day, where those who drop its days find it. Nothing is
-- committed meanwhile, so a day with more rows than may be moved at once stays, and so does all of a partition that
-- takes long to look through: they are moved with a greater p_most_rows, at an hour at which that may be.
-- Not part of ledger_maintain(), which must not fail with it: the coming days are more urgent.
CREATE OR REPLACE FUNCTION ledger_clear_default_partition(p_table text, p_most_rows bigint DEFAULT NULL)
RETURNS void LANGUAGE plpgsql SET lock_timeout = '300ms' AS $$
DECLARE
  rest      CONSTANT text := p_table || '_default';
  rows_left bigint;
  parent    tables_by_day;
  key       text;
  key_type  text;
  day_of    text;
  over_before text;
  lower_bound text;
  upper_bound text;
  made      text;
  range     text;
  days      date[];
  counts    bigint[];
  alive     boolean := false;
  removed   bigint;
BEGIN
  PERFORM in_sequence();
  -- Another replica is at it.
  IF NOT pg_try_advisory_xact_lock(hashtext('mandate.ledger_maintain')) THEN RETURN; END IF;
  SELECT * INTO parent FROM tables_by_day WHERE name = p_table;
  SELECT quote_ident(a.attname), format_type(a.atttypid, NULL) INTO key, key_type
    FROM pg_partitioned_table p JOIN pg_attribute a ON a.attrelid = p.partrelid AND a.attnum = p.partattrs[0]
   WHERE p.partrelid = to_regclass(quote_ident(p_table));
  rows_left := coalesce(p_most_rows, CASE WHEN parent.dropped THEN 50000 ELSE 10000 END);
  -- A partition that is made is compared with all of the default one, under the same lock. A row takes a page at most.
  IF NOT parent.dropped
     AND pg_relation_size(to_regclass(quote_ident(rest))) > rows_left * current_setting('block_size')::bigint THEN
    RETURN;
  END IF;
  -- A UUIDv7 begins with 48 bits of milliseconds (RFC 9562 5.7), in text with a hyphen in between.
  day_of := CASE parent.keyed_by WHEN 'date' THEN key ELSE format($day$(to_timestamp(
    ('x' || translate(left(%s::text, 13), '-', ''))::bit(48)::bigint / 1000.0) AT TIME ZONE 'UTC')::date$day$, key) END;
  over_before := ledger_day_begins(parent.keyed_by,
    (now() AT TIME ZONE 'UTC')::date - CASE WHEN parent.dropped THEN ledger_kept_days(parent.kept_for) ELSE 0 END);
  EXECUTE format('SELECT array_agg(day ORDER BY day), array_agg(n ORDER BY day)
                    FROM (SELECT %s AS day, count(*) AS n FROM %I WHERE %s < %L::%s GROUP BY 1) AS found',
    day_of, rest, key, over_before, key_type) INTO days, counts;
  FOR i IN 1..coalesce(cardinality(days), 0) LOOP
    EXIT WHEN rows_left <= 0;
    lower_bound := ledger_day_begins(parent.keyed_by, days[i]);
    upper_bound := ledger_day_begins(parent.keyed_by, days[i] + 1);
    IF parent.dropped THEN
      range := format('%1$s >= %2$L::%4$s AND %1$s < %3$L::%4$s', key, lower_bound, upper_bound, key_type);
      IF parent.kept_while IS NOT NULL THEN
        -- A column, as Citus cannot keep rows without one.
        EXECUTE format('SELECT EXISTS (SELECT 1 FROM %I WHERE %s AND (%s))', rest, range, parent.kept_while) INTO alive;
        CONTINUE WHEN alive;
      END IF;
      -- Nothing counts what goes, as where a day is dropped: so many changes to the one row of a graph take minutes.
      EXECUTE format('ALTER TABLE %I DISABLE TRIGGER USER', rest);
      EXECUTE format('DELETE FROM %1$I WHERE %2$s IN (SELECT %3$s FROM %1$I WHERE %4$s LIMIT %5$s)',
        rest, row_names(rest), trim(row_names(rest), '()'), range, rows_left);
      GET DIAGNOSTICS removed = ROW_COUNT;
      EXECUTE format('ALTER TABLE %I ENABLE TRIGGER USER', rest);
      rows_left := rows_left - removed;
    ELSIF counts[i] <= rows_left THEN
      made := p_table || '_' || to_char(days[i], 'YYYYMMDD');
      BEGIN
        PERFORM ledger_move_day(p_table, made, lower_bound, upper_bound);
        PERFORM ledger_guard_day(p_table, made);
        rows_left := rows_left - counts[i];
      EXCEPTION
        -- A reader holds the log: this is tried again by the next call.
        WHEN lock_not_available THEN EXIT;
        -- The day was taken out, to be kept elsewhere.
        WHEN duplicate_table THEN NULL;
      END;
    END IF;
  END LOOP;
END $$;

-- The days of which a table has no partition yet, as far ahead as is asked.
CREATE OR REPLACE FUNCTION ledger_days_missing(p_days_ahead integer DEFAULT 7)
RETURNS TABLE (name text, day date) LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN QUERY
  SELECT t.name, d.day
    FROM tables_by_day t
   CROSS JOIN (SELECT (now() AT TIME ZONE 'UTC')::date + i AS day FROM generate_series(0, p_days_ahead) AS i) AS d
   WHERE to_regclass(quote_ident(t.name || '_' || to_char(d.day, 'YYYYMMDD'))) IS NULL
   ORDER BY t.name, d.day;
END $$;

-- Makes one of them, unless another process has.
CREATE OR REPLACE FUNCTION ledger_add_day(p_name text, p_day date) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  parent tables_by_day;
  made   CONSTANT text := p_name || '_' || to_char(p_day, 'YYYYMMDD');
BEGIN
  PERFORM in_sequence();
  PERFORM pg_advisory_xact_lock(hashtext('mandate.ledger_maintain'));
  IF to_regclass(quote_ident(made)) IS NOT NULL THEN RETURN; END IF;
  SELECT * INTO STRICT parent FROM tables_by_day WHERE name = p_name;
  PERFORM ledger_make_day(p_name, ledger_day_begins(parent.keyed_by, p_day), ledger_day_begins(parent.keyed_by, p_day + 1), made);
END $$;

-- Drops a day that is over (ledger_days_due), unless something in it is alive or another process has dropped it.
CREATE OR REPLACE FUNCTION ledger_drop_day(p_name text, p_day date) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  part  CONSTANT text := p_name || '_' || to_char(p_day, 'YYYYMMDD');
  keeps text;
  alive boolean;
BEGIN
  PERFORM in_sequence();
  PERFORM pg_advisory_xact_lock(hashtext('mandate.ledger_maintain'));
  IF NOT EXISTS (SELECT FROM ledger_days_due() d WHERE d.name = p_name AND d.day = p_day) THEN RETURN; END IF;
  SELECT t.kept_while INTO STRICT keeps FROM tables_by_day t WHERE t.name = p_name;
  IF keeps IS NOT NULL THEN
    EXECUTE format('SELECT EXISTS (SELECT 1 FROM %I WHERE %s)', part, keeps) INTO alive;
    IF alive THEN RETURN; END IF;
  END IF;
  EXECUTE format('DROP TABLE %I', part);
END $$;

-- Makes the partitions of the coming days and drops the days in which nothing can be alive. Who serves does each of them in
-- a transaction of its own before (ledger.maintenance.ts), so that little is locked at a time, and what is done stays done.
-- Sessions, tokens and challenges live for a day at most, but for what kept_while finds alive; they are kept for longer
-- for people who look (ledger_kept_days).
CREATE OR REPLACE FUNCTION ledger_maintain(p_days_ahead integer DEFAULT 7) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  one record;
BEGIN
  PERFORM in_sequence();
  PERFORM pg_advisory_xact_lock(hashtext('mandate.ledger_maintain'));
  FOR one IN SELECT * FROM ledger_days_missing(p_days_ahead) LOOP
    PERFORM ledger_add_day(one.name, one.day);
  END LOOP;
  PERFORM audit_index_days();
  -- The audit log is not dropped here (audit_drop_day). When days of it have been, the heads of chains that ended before
  -- its first day say nothing any more; that of a chain whose last event is missing from a day that is there says that it
  -- is. But a process that lives on goes on in its chain, however long it has had nothing to say of a zone, and would begin
  -- it once more: where audit_heads has the end of one, its head stays for longer than processes run.
  DELETE FROM audit_chains c
   WHERE c.last_event_id < (
           SELECT uuid_from_time(to_date(min(right(day.relname, 8)), 'YYYYMMDD')::timestamp AT TIME ZONE 'UTC')
             FROM pg_inherits i JOIN pg_class day ON day.oid = i.inhrelid
            WHERE i.inhparent = to_regclass('audit_events') AND day.relname ~ '_[0-9]{8}$')
     AND NOT EXISTS (SELECT FROM audit_events a WHERE a.zone_id = c.zone_id AND a.id = c.last_event_id)
     AND (c.last_event_id < uuid_from_time(now() - interval '400 days')
          OR NOT EXISTS (SELECT FROM audit_heads h
                          WHERE h.zone_id = c.zone_id AND h.writer = c.writer AND h.last_seq = c.seq));
  -- A chain that begins once more is indexed once more.
  DELETE FROM audit_index_heads h
   WHERE NOT EXISTS (SELECT FROM audit_chains c WHERE c.zone_id = h.zone_id AND c.writer = h.writer);
  -- And sealed once more.
  DELETE FROM evidence_heads h
   WHERE NOT EXISTS (SELECT FROM audit_chains c WHERE c.zone_id = h.zone_id AND c.writer = h.writer);
  -- Whatever was taken has come back by then.
  DELETE FROM step_up_attempts WHERE at < now() - interval '1 day';
  -- Links that are too old, with the secrets that were drawn for them: so many at a time, and none that is in use.
  EXECUTE 'DELETE FROM enrolments WHERE (zone_id, token_digest) IN (
    SELECT e.zone_id, e.token_digest FROM enrolments e WHERE e.expires_at < now()
     ORDER BY e.expires_at LIMIT 10000' || leaving_held() || ')';
  -- What nobody sends any more: who sends gives up what is older than a day, and counts it.
  EXECUTE $sweep$DELETE FROM revocation_outbox WHERE (zone_id, id) IN (
    SELECT o.zone_id, o.id FROM revocation_outbox o WHERE o.created_at < now() - interval '25 hours'
     LIMIT 100000$sweep$ || leaving_held() || ')';
  FOR one IN SELECT d.name, d.day FROM ledger_days_due() d LOOP
    PERFORM ledger_drop_day(one.name, one.day);
  END LOOP;
END $$;
