-- What a node of a distributed database has for sessions that work on one shard of zones: a schema for each shard that is
-- here, in which the tables of zones have their plain names. Every statement and every function then does on the shard what
-- it does on a plain server, and Citus plans none of them. Run on each node that has shards, on a connection that
-- propagates nothing, and again when tables have changed or a shard has come.
SELECT pg_advisory_xact_lock(hashtextextended('zone shards', 0));

CREATE SCHEMA IF NOT EXISTS zone_shards;

-- Keeps a shard here until the transaction ends, as the statements of Citus do: a shard that is about to move away waits
-- for it, and one that has moved away is not written to any more. p_shard: that of zones, with which all others go.
CREATE OR REPLACE FUNCTION zone_shards.hold(p_shard bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  -- ShareLock, which those who move it wait for.
  PERFORM lock_shard_metadata(5, ARRAY[p_shard]);
  IF NOT EXISTS (SELECT FROM pg_dist_placement p JOIN pg_dist_local_group g USING (groupid) WHERE p.shardid = p_shard) THEN
    RAISE EXCEPTION 'the shard % of zones is not on this node any more', p_shard USING ERRCODE = 'MZ001';
  END IF;
  PERFORM set_config('mandate.zone_shard_' || p_shard, 'held', true);
END $$;

-- Before a statement that changes a table of a shard, whoever sends it.
CREATE OR REPLACE FUNCTION zone_shards.held() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF current_setting('mandate.zone_shard_' || TG_ARGV[0], true) IS DISTINCT FROM 'held' THEN
    PERFORM zone_shards.hold(TG_ARGV[0]::bigint);
  END IF;
  RETURN NULL;
END $$;

-- Refuses to read a shard that is not here any more: what is left of it here is as old as the move. It waits for nobody. A
-- move is prepared on all nodes before it is committed on the first, so one that is prepared may be over elsewhere: its lock
-- is looked for first, and only then the place, by a snapshot of its own. So what was committed anywhere before a statement
-- began is there for it to read, or it is refused.
CREATE OR REPLACE FUNCTION zone_shards.look(p_shard bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  shard record;
BEGIN
  -- Without prepared transactions, which are few and short, nobody has to look at all locks.
  IF EXISTS (SELECT FROM pg_prepared_xact()) THEN
    SELECT d.colocationid, (SELECT count(*) FROM pg_dist_shard o
                             WHERE o.logicalrelid = s.logicalrelid AND o.shardminvalue::integer < s.shardminvalue::integer) AS place
      INTO STRICT shard
      FROM pg_dist_shard s JOIN pg_dist_partition d USING (logicalrelid) WHERE s.shardid = p_shard;
    -- How Citus names the lock of a shard, and, in later versions, that of all shards that go with it.
    IF EXISTS (SELECT FROM pg_locks l
                WHERE l.locktype = 'advisory' AND l.mode = 'ExclusiveLock' AND l.pid IS NULL AND l.granted
                  AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
                  AND (l.objsubid, l.objid::bigint, l.classid::bigint)
                      IN ((4, p_shard & 4294967295, p_shard >> 32), (8, shard.colocationid, shard.place))) THEN
      RAISE EXCEPTION 'the shard % of zones is moving', p_shard USING ERRCODE = 'MZ001';
    END IF;
  END IF;
  IF NOT EXISTS (SELECT FROM pg_dist_placement p JOIN pg_dist_local_group g USING (groupid) WHERE p.shardid = p_shard) THEN
    RAISE EXCEPTION 'the shard % of zones is not on this node any more', p_shard USING ERRCODE = 'MZ001';
  END IF;
END $$;

-- What each view of a table asks, once for each statement of a client, and not at all while the shard is held.
-- STABLE, so that it is asked once for a scan and not for each row, though `look` has to see more than the snapshot of that.
CREATE OR REPLACE FUNCTION zone_shards.seen(p_shard bigint) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
  PERFORM zone_shards.look(p_shard);
  PERFORM set_config('mandate.zone_shard_' || p_shard, statement_timestamp()::text, true);
  RETURN true;
END $$;

-- What a session finds that is still at home in a shard which has gone, and whose views with it: without, it would find the
-- tables that Citus plans, beside locks of this node that nobody asks for any more.
CREATE SCHEMA IF NOT EXISTS zone_shard_gone;

CREATE OR REPLACE FUNCTION zone_shards.gone() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the shard of zones is not on this node any more' USING ERRCODE = 'MZ001';
END $$;

CREATE OR REPLACE FUNCTION zone_shards.gone_as_well() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM zone_shards.gone();
  RETURN NULL;
END $$;

-- A row that was to be written where its zone is not: nobody would find it there. The zone of nobody is in each shard, as a
-- probe writes there (ledger_probe), and takes it back.
CREATE OR REPLACE FUNCTION zone_shards.misplaced() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'a row of % belongs to another shard of zones', TG_TABLE_NAME;
END $$;

-- Instead of a change of a table that is the same on all nodes: changes it on all of them, by Citus, in this transaction.
CREATE OR REPLACE FUNCTION zone_shards.change_everywhere() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  -- Other nodes do not know the type of a row of the view: it is sent as text.
  place CONSTANT text := format('public.%I', TG_TABLE_NAME);
  same  text;
  names text;
BEGIN
  SELECT string_agg(format('%1$I = ($1::%2$s).%1$I', a.attname, place), ' AND ') INTO same
    FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
   WHERE i.indrelid = place::regclass AND i.indisprimary;
  SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) INTO names
    FROM pg_attribute a WHERE a.attrelid = place::regclass AND a.attnum > 0 AND NOT a.attisdropped;
  CASE TG_OP
    WHEN 'INSERT' THEN
      EXECUTE format('INSERT INTO %1$s (%2$s) SELECT ($1::%1$s).*', place, names) USING NEW::text;
      RETURN NEW;
    WHEN 'UPDATE' THEN
      EXECUTE format('UPDATE %1$s SET (%2$s) = (SELECT ($2::%1$s).*) WHERE %3$s', place, names, same)
        USING OLD::text, NEW::text;
      RETURN NEW;
    ELSE
      EXECUTE format('DELETE FROM %s WHERE %s', place, same) USING OLD::text;
      RETURN OLD;
  END CASE;
END $$;

-- Gives a shard what its rows are numbered by: sequences of its own, by the names of those that a plain server has. They go on
-- from the rows that have come with the shard, so that whoever has read as far as a number is given what comes later; those
-- of Citus number in another range on each node, and begin anew when it tells a node again what there is.
CREATE OR REPLACE FUNCTION zone_shards.give_numbers(p_home text, p_begins text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  -- Of numbers that are drawn meanwhile, by a session which has another sequence yet.
  skipped CONSTANT bigint := 1048576;
  t    record;
  last bigint;
  here bigint;
BEGIN
  FOR t IN
    SELECT format('%I.%I', p_home, n.sequence) AS sequence, format('public.%I', c.relname || '_' || s.shardid) AS place, n.number
      FROM pg_dist_shard s JOIN pg_class c ON c.oid = s.logicalrelid
     CROSS JOIN LATERAL (
             SELECT a.attname AS number, zone_shards.sequence_of(c.oid, a.attname) AS sequence
               FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
              UNION ALL
             -- A trigger gives clients theirs (zone-version.sql).
             SELECT 'version', 'versions' WHERE c.relname = 'clients') AS n
     WHERE s.shardminvalue = p_begins AND c.relnamespace = 'public'::regnamespace AND NOT c.relispartition
       AND n.sequence IS NOT NULL
  LOOP
    EXECUTE format('CREATE SEQUENCE IF NOT EXISTS %s', t.sequence);
    EXECUTE format('SELECT max(%I) FROM %s', t.number, t.place) INTO last;
    EXECUTE format('SELECT last_value FROM %s', t.sequence) INTO here;
    IF last >= here THEN PERFORM setval(t.sequence, last + skipped); END IF;
  END LOOP;
END $$;

-- The name of the sequence that a column of a table has its values of; null for none.
CREATE OR REPLACE FUNCTION zone_shards.sequence_of(p_table regclass, p_column text) RETURNS text LANGUAGE sql AS $$
  SELECT q.relname::text
    FROM pg_attribute a LEFT JOIN pg_attrdef x ON x.adrelid = a.attrelid AND x.adnum = a.attnum
    JOIN pg_class q ON q.oid = coalesce(substring(pg_get_expr(x.adbin, x.adrelid) FROM 'nextval\(''([^'']+)'''),
                                        pg_get_serial_sequence(p_table::text, p_column))::regclass
   WHERE a.attrelid = p_table AND a.attname = p_column AND (x.adbin IS NOT NULL OR a.attidentity <> '')
$$;

-- Gives the view of a table the defaults of its columns; those that draw numbers draw them of the shard.
CREATE OR REPLACE FUNCTION zone_shards.give_defaults(p_table regclass, p_home text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  name text := (SELECT relname FROM pg_class WHERE oid = p_table);
  col  record;
BEGIN
  FOR col IN
    SELECT a.attname, coalesce('nextval(' || quote_literal(to_regclass(quote_ident(p_home) || '.'
                                 || quote_ident(zone_shards.sequence_of(p_table, a.attname)))) || ')',
                               pg_get_expr(x.adbin, x.adrelid)) AS given
      FROM pg_attribute a LEFT JOIN pg_attrdef x ON x.adrelid = a.attrelid AND x.adnum = a.attnum
     WHERE a.attrelid = p_table AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
       AND (x.adbin IS NOT NULL OR a.attidentity <> '')
  LOOP
    EXECUTE format('ALTER VIEW %I.%I ALTER COLUMN %I SET DEFAULT %s', p_home, name, col.attname, col.given);
  END LOOP;
END $$;

-- Makes the view of a table: its rows and what statements ask of them beside their columns, as long as the shard is here.
CREATE OR REPLACE FUNCTION zone_shards.give_view(p_home text, p_name text, p_place text, p_shard bigint)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  beside CONSTANT text := CASE
    WHEN p_name = 'audit_events' THEN ', tableoid, ctid'
    WHEN p_name = 'clients' THEN ', xmin, ctid'
    WHEN p_name = 'access_uses' THEN ', ctid, xmax'
    WHEN p_name = 'audit_chains' THEN ', ctid'
    -- Some rows of these are removed at a time (`admin/removals/rows.ts`).
    WHEN p_name IN ('access_analyses', 'authenticators', 'client_secrets', 'enrolments', 'federated_identities', 'policies',
                    'policy_replay_differences', 'policy_replays', 'policy_set_members', 'policy_set_versions', 'policy_sets',
                    'policy_versions', 'proof_systems', 'resources', 'scopes', 'shadow_differences', 'ssf_deliveries',
                    'ssf_received', 'ssf_subjects', 'step_up_attempts', 'webhooks') THEN ', ctid'
    ELSE '' END;
  made   CONSTANT text := format($view$CREATE OR REPLACE VIEW %I.%I AS SELECT *%s FROM public.%I
                                        WHERE current_setting('mandate.zone_shard_%s', true) = 'held'
                                           OR current_setting('mandate.zone_shard_%5$s', true) = statement_timestamp()::text
                                           OR zone_shards.seen(%5$s)$view$, p_home, p_name, beside, p_place, p_shard);
BEGIN
  EXECUTE made;
EXCEPTION WHEN invalid_table_definition THEN
  -- The table has got another column, and that is before what there is beside them.
  EXECUTE format('DROP VIEW %I.%I CASCADE', p_home, p_name);
  EXECUTE made;
END $$;

-- Functions that are given a row of a table are given one of the view of p_home. Where a trigger calls one, it has a row of
-- the shard that begins with p_begins; of the others there is one. Null: none of a trigger.
CREATE OR REPLACE FUNCTION zone_shards.give_functions(p_home text, p_begins text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  texts text[] := ARRAY(
    SELECT DISTINCT replace(replace(pg_get_functiondef(p.oid), 'FUNCTION public.', 'FUNCTION ' || p_home || '.'),
                            '(' || given.arguments || ')', '(' || takes.arguments || ')')
      FROM pg_proc p
      JOIN pg_type ty ON ty.oid = ANY (p.proargtypes) JOIN pg_class c ON c.oid = ty.typrelid
      JOIN pg_dist_shard s ON s.logicalrelid = c.oid AND s.shardminvalue = coalesce(p_begins, s.shardminvalue)
      CROSS JOIN LATERAL (SELECT pg_get_function_arguments(p.oid)) AS given (arguments)
      CROSS JOIN LATERAL (VALUES
        (false, regexp_replace(given.arguments, '\m(public\.)?' || c.relname || '\M', p_home || '.' || c.relname)),
        (true, regexp_replace(given.arguments, '\m(public\.)?' || c.relname || '\M', 'public.' || c.relname || '_' || s.shardid)))
        AS takes (of_trigger, arguments)
     WHERE (NOT takes.of_trigger OR (p_begins IS NOT NULL AND EXISTS (
              SELECT FROM pg_proc q WHERE q.prorettype = 'trigger'::regtype AND q.prosrc ~ ('\m' || p.proname || '\('))))
       AND p.pronamespace = 'public'::regnamespace AND p.prokind = 'f' AND c.relnamespace = 'public'::regnamespace);
  text_of text;
BEGIN
  PERFORM set_config('search_path', p_home || ',public', true);
  FOREACH text_of IN ARRAY texts LOOP
    EXECUTE text_of;
  END LOOP;
  PERFORM set_config('search_path', 'public', true);
END $$;

SELECT set_config('search_path', 'public', true);

DO $$
DECLARE
  -- The number is that of this file: one more where it makes something else.
  stamp    CONSTANT text := '2 ' || (SELECT max(name) FROM schema_migrations) || ' '
    || (SELECT sha256 FROM schema_functions ORDER BY version DESC LIMIT 1);
  shard    record;
  t        record;
  home     text;
BEGIN
  FOR home IN
    SELECT n.nspname FROM pg_namespace n
     WHERE n.nspname ~ '^zone_shard_[0-9]+$' AND NOT EXISTS (
       SELECT FROM pg_dist_placement p JOIN pg_dist_local_group g USING (groupid)
        WHERE p.shardid = substr(n.nspname, 12)::bigint)
  LOOP
    EXECUTE format('DROP SCHEMA %I CASCADE', home);
  END LOOP;
  FOR t IN
    SELECT c.relname AS name
      FROM pg_dist_partition d JOIN pg_class c ON c.oid = d.logicalrelid
     WHERE d.partmethod = 'h' AND NOT c.relispartition AND c.relnamespace = 'public'::regnamespace
       -- The views go with the tables when Citus makes those anew, as it does when it tells a node all that there is.
       AND (obj_description('zone_shard_gone'::regnamespace, 'pg_namespace') IS DISTINCT FROM stamp
            OR to_regclass(format('zone_shard_gone.%I', c.relname)) IS NULL)
  LOOP
    -- It may have been one with other columns in front.
    EXECUTE format('DROP VIEW IF EXISTS zone_shard_gone.%I CASCADE', t.name);
    EXECUTE format('CREATE VIEW zone_shard_gone.%1$I AS
                      SELECT NULL::tid AS ctid, NULL::xid AS xmin, NULL::xid AS xmax, NULL::oid AS tableoid, (NULL::public.%1$I).*
                       WHERE zone_shards.gone() OFFSET 0', t.name);
    EXECUTE format('CREATE OR REPLACE TRIGGER gone INSTEAD OF INSERT OR UPDATE OR DELETE ON zone_shard_gone.%I
                      FOR EACH ROW EXECUTE FUNCTION zone_shards.gone_as_well()', t.name);
  END LOOP;
  PERFORM zone_shards.give_functions('zone_shard_gone', NULL);
  EXECUTE format('COMMENT ON SCHEMA zone_shard_gone IS %L', stamp);
  FOR shard IN
    SELECT s.shardid, s.shardminvalue AS begins, s.shardmaxvalue AS ends, d.colocationid
      FROM pg_dist_shard s JOIN pg_dist_placement p USING (shardid) JOIN pg_dist_local_group g USING (groupid)
      JOIN pg_dist_partition d USING (logicalrelid)
     WHERE s.logicalrelid = 'public.zones'::regclass
  LOOP
    home := 'zone_shard_' || shard.shardid;
    -- What has moved away and back has left a schema here, and its views went with the tables.
    CONTINUE WHEN obj_description(to_regnamespace(home), 'pg_namespace') = stamp
      AND (SELECT count(*) FROM pg_class v WHERE v.relnamespace = to_regnamespace(home) AND v.relkind = 'v') = (
        SELECT count(*) FROM pg_dist_partition d JOIN pg_class c ON c.oid = d.logicalrelid
         WHERE NOT c.relispartition AND c.relnamespace = 'public'::regnamespace
           AND (d.colocationid = shard.colocationid OR (d.partmethod = 'n' AND d.repmodel = 't')));
    EXECUTE format('CREATE SCHEMA IF NOT EXISTS %I', home);
    PERFORM zone_shards.give_numbers(home, shard.begins);
    FOR t IN
      SELECT c.oid, c.relname AS name, c.relname || '_' || s.shardid AS place,
             column_to_column_name(d.logicalrelid, d.partkey) AS zone
        FROM pg_dist_shard s JOIN pg_dist_partition d USING (logicalrelid) JOIN pg_class c ON c.oid = s.logicalrelid
       WHERE d.colocationid = shard.colocationid AND s.shardminvalue = shard.begins AND NOT c.relispartition
         AND c.relnamespace = 'public'::regnamespace
    LOOP
      PERFORM zone_shards.give_view(home, t.name, t.place, shard.shardid);
      EXECUTE format('CREATE OR REPLACE TRIGGER zone_shard_held BEFORE INSERT OR UPDATE OR DELETE ON public.%I
                        FOR EACH STATEMENT EXECUTE FUNCTION zone_shards.held(%L)', t.place, shard.shardid);
      EXECUTE format('CREATE OR REPLACE TRIGGER zone_shard_misplaced BEFORE INSERT ON public.%I FOR EACH ROW
                        WHEN (uuid_hash(NEW.%I) NOT BETWEEN %s AND %s AND NEW.%I <> %L)
                        EXECUTE FUNCTION zone_shards.misplaced()',
                     t.place, t.zone, shard.begins, shard.ends, t.zone, '00000000-0000-0000-0000-000000000000'::uuid);
      PERFORM zone_shards.give_defaults(t.oid, home);
    END LOOP;
    -- What is the same on all nodes is read here, and changed on all.
    FOR t IN
      SELECT c.oid, c.relname AS name, c.relname || '_' || s.shardid AS place
        FROM pg_dist_shard s JOIN pg_dist_partition d USING (logicalrelid) JOIN pg_class c ON c.oid = s.logicalrelid
       WHERE d.partmethod = 'n' AND d.repmodel = 't' AND c.relnamespace = 'public'::regnamespace
    LOOP
      EXECUTE format('CREATE OR REPLACE VIEW %I.%I AS SELECT * FROM public.%I', home, t.name, t.place);
      EXECUTE format('CREATE OR REPLACE TRIGGER changed_everywhere INSTEAD OF INSERT OR UPDATE OR DELETE ON %I.%I
                        FOR EACH ROW EXECUTE FUNCTION zone_shards.change_everywhere()', home, t.name);
      PERFORM zone_shards.give_defaults(t.oid, home);
    END LOOP;
    PERFORM zone_shards.give_functions(home, shard.begins);
    EXECUTE format('COMMENT ON SCHEMA %I IS %L', home, stamp);
  END LOOP;
END $$;
