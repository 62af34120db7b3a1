-- What differs where the rows of zones are on many servers (schema/distribution): the maintenance of tables asks there about
-- all of them in one statement, which Citus sends to each.

-- Whether they are.
CREATE OR REPLACE FUNCTION is_distributed() RETURNS boolean LANGUAGE plpgsql STABLE AS $$
DECLARE
  there boolean := false;
BEGIN
  IF to_regclass('pg_catalog.pg_dist_partition') IS NOT NULL THEN
    EXECUTE $citus$SELECT EXISTS (SELECT FROM pg_dist_partition
      WHERE logicalrelid = to_regclass('zones') AND partmethod = 'h')$citus$ INTO there;
  END IF;
  RETURN there;
END $$;

-- How statements about some rows of a table name them: by where they lie, which says nothing across servers, so there by
-- their key.
CREATE OR REPLACE FUNCTION row_names(p_table text) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
  IF NOT is_distributed() THEN RETURN 'ctid'; END IF;
  RETURN (SELECT '(' || string_agg(quote_ident(a.attname), ', ' ORDER BY k.n) || ')'
            FROM pg_index i CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k (attnum, n)
            JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
           WHERE i.indrelid = to_regclass(quote_ident(p_table)) AND i.indisprimary);
END $$;

-- The end of a statement that takes some rows and leaves those alone which others hold. Across servers, it waits for them.
CREATE OR REPLACE FUNCTION leaving_held() RETURNS text LANGUAGE sql STABLE AS $$
  SELECT CASE WHEN is_distributed() THEN '' ELSE ' FOR UPDATE SKIP LOCKED' END
$$;

-- Removes what a table that was just distributed has left on the disk of the server that it was on.
CREATE OR REPLACE FUNCTION forget_local_rows(p_table text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF is_distributed() THEN
    EXECUTE format('SELECT truncate_local_data_after_distributing_table(%L)', quote_ident(p_table));
  END IF;
END $$;

-- Has what a transaction does to tables done on one shard of them after the other. At once, on several connections to a
-- worker, it would wait for itself: a table that is made, or goes, takes those that it refers to, which are in all of them.
CREATE OR REPLACE FUNCTION in_sequence() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF is_distributed() THEN
    PERFORM set_config('citus.multi_shard_modify_mode', 'sequential', true);
  END IF;
END $$;
