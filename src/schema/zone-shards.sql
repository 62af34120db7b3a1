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
  PERFORM set_config('mandate.zone_shard_held', p_shard::text, true);
END $$;

-- Before a statement that changes a table of a shard, whoever sends it.
CREATE OR REPLACE FUNCTION zone_shards.held() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF current_setting('mandate.zone_shard_held', true) IS DISTINCT FROM TG_ARGV[0] THEN
    PERFORM zone_shards.hold(TG_ARGV[0]::bigint);
  END IF;
  RETURN NULL;
END $$;

-- A row that was to be written where its zone is not: nobody would find it there.
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

-- Gives the view of a table the defaults of its columns: a shard has none of those that draw numbers.
CREATE OR REPLACE FUNCTION zone_shards.give_defaults(p_table regclass, p_home text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  name text := (SELECT relname FROM pg_class WHERE oid = p_table);
  col  record;
BEGIN
  FOR col IN
    SELECT a.attname, coalesce(pg_get_expr(x.adbin, x.adrelid),
                               format('nextval(%L)', pg_get_serial_sequence(p_table::text, a.attname))) AS given
      FROM pg_attribute a LEFT JOIN pg_attrdef x ON x.adrelid = a.attrelid AND x.adnum = a.attnum
     WHERE a.attrelid = p_table AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
       AND (x.adbin IS NOT NULL OR a.attidentity <> '')
  LOOP
    EXECUTE format('ALTER VIEW %I.%I ALTER COLUMN %I SET DEFAULT %s', p_home, name, col.attname, col.given);
  END LOOP;
END $$;

SELECT set_config('search_path', 'public', true);

DO $$
DECLARE
  stamp    CONSTANT text := (SELECT max(name) FROM schema_migrations) || ' '
    || (SELECT sha256 FROM schema_functions ORDER BY version DESC LIMIT 1);
  shard    record;
  t        record;
  f        record;
  home     text;
  texts    text[];
  text_of  text;
BEGIN
  FOR home IN
    SELECT n.nspname FROM pg_namespace n
     WHERE n.nspname ~ '^zone_shard_[0-9]+$' AND NOT EXISTS (
       SELECT FROM pg_dist_placement p JOIN pg_dist_local_group g USING (groupid)
        WHERE p.shardid = substr(n.nspname, 12)::bigint)
  LOOP
    EXECUTE format('DROP SCHEMA %I CASCADE', home);
  END LOOP;
  FOR shard IN
    SELECT s.shardid, s.shardminvalue AS begins, s.shardmaxvalue AS ends, d.colocationid
      FROM pg_dist_shard s JOIN pg_dist_placement p USING (shardid) JOIN pg_dist_local_group g USING (groupid)
      JOIN pg_dist_partition d USING (logicalrelid)
     WHERE s.logicalrelid = 'public.zones'::regclass
  LOOP
    home := 'zone_shard_' || shard.shardid;
    CONTINUE WHEN obj_description(to_regnamespace(home), 'pg_namespace') = stamp;
    EXECUTE format('CREATE SCHEMA IF NOT EXISTS %I', home);
    FOR t IN
      SELECT c.oid, c.relname AS name, c.relname || '_' || s.shardid AS place,
             column_to_column_name(d.logicalrelid, d.partkey) AS zone
        FROM pg_dist_shard s JOIN pg_dist_partition d USING (logicalrelid) JOIN pg_class c ON c.oid = s.logicalrelid
       WHERE d.colocationid = shard.colocationid AND s.shardminvalue = shard.begins AND NOT c.relispartition
         AND c.relnamespace = 'public'::regnamespace
    LOOP
      -- What statements ask of rows beside their columns.
      EXECUTE format('CREATE OR REPLACE VIEW %I.%I AS SELECT *%s FROM public.%I', home, t.name,
        CASE t.name WHEN 'audit_chains' THEN ', ctid' WHEN 'access_uses' THEN ', ctid' WHEN 'clients' THEN ', xmin'
                    WHEN 'audit_events' THEN ', tableoid, ctid' ELSE '' END, t.place);
      EXECUTE format('CREATE OR REPLACE TRIGGER zone_shard_held BEFORE INSERT OR UPDATE OR DELETE ON public.%I
                        FOR EACH STATEMENT EXECUTE FUNCTION zone_shards.held(%L)', t.place, shard.shardid);
      EXECUTE format('CREATE OR REPLACE TRIGGER zone_shard_misplaced BEFORE INSERT ON public.%I FOR EACH ROW
                        WHEN (uuid_hash(NEW.%I) NOT BETWEEN %s AND %s) EXECUTE FUNCTION zone_shards.misplaced()',
                     t.place, t.zone, shard.begins, shard.ends);
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
    -- Functions that are given a row of a table are given one of the view. Where a trigger calls one, it has a row of the
    -- shard; of the others there is one.
    texts := ARRAY(
      SELECT replace(replace(pg_get_functiondef(p.oid), 'FUNCTION public.', 'FUNCTION ' || home || '.'),
                     '(' || given.arguments || ')', '(' || takes.arguments || ')')
        FROM pg_proc p
        JOIN pg_type ty ON ty.oid = ANY (p.proargtypes) JOIN pg_class c ON c.oid = ty.typrelid
        JOIN pg_dist_shard s ON s.logicalrelid = c.oid AND s.shardminvalue = shard.begins
        CROSS JOIN LATERAL (SELECT pg_get_function_arguments(p.oid)) AS given (arguments)
        CROSS JOIN LATERAL (VALUES
          (false, regexp_replace(given.arguments, '\m(public\.)?' || c.relname || '\M', home || '.' || c.relname)),
          (true, regexp_replace(given.arguments, '\m(public\.)?' || c.relname || '\M', 'public.' || c.relname || '_' || s.shardid)))
          AS takes (of_trigger, arguments)
       WHERE (NOT takes.of_trigger OR EXISTS (
                SELECT FROM pg_proc q WHERE q.prorettype = 'trigger'::regtype AND q.prosrc ~ ('\m' || p.proname || '\(')))
         AND p.pronamespace = 'public'::regnamespace AND p.prokind = 'f' AND c.relnamespace = 'public'::regnamespace);
    PERFORM set_config('search_path', home || ',public', true);
    FOREACH text_of IN ARRAY texts LOOP
      EXECUTE text_of;
    END LOOP;
    PERFORM set_config('search_path', 'public', true);
    EXECUTE format('COMMENT ON SCHEMA %I IS %L', home, stamp);
  END LOOP;
END $$;
