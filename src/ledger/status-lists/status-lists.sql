-- What status lists are made of (draft-ietf-oauth-status-list). A list is for mandates of one zone that expire within one
-- hour, and has room for 2^20 of them; a zone that issues more within that hour has several. Processes take indices in
-- blocks, so an exchange asks for none, and an index is given once, whatever becomes of the process that took it.

-- Indices of a list.
CREATE OR REPLACE FUNCTION status_list_size() RETURNS integer LANGUAGE sql IMMUTABLE AS $$ SELECT 1048576 $$;

-- Indices that are taken at once.
CREATE OR REPLACE FUNCTION status_block_size() RETURNS integer LANGUAGE sql IMMUTABLE AS $$ SELECT 4096 $$;

-- Hours since 1970.
CREATE OR REPLACE FUNCTION status_list_hour(p_at timestamptz) RETURNS integer LANGUAGE sql IMMUTABLE AS $$
  SELECT floor(extract(epoch FROM p_at) / 3600)::integer
$$;

-- Takes the next block of a zone for mandates that expire in an hour, behind others who take one of the same. A zone
-- that is somewhere else by now begins another list, since the URI of a list begins with where its zone is. p_by is the
-- process. Returns the list, and its first index.
CREATE OR REPLACE FUNCTION status_block_take(p_zone uuid, p_hour integer, p_base text, p_by uuid)
RETURNS TABLE (list integer, first integer) LANGUAGE plpgsql AS $$
DECLARE
  last status_blocks;
BEGIN
  -- What was taken stays so, whatever the server is set to.
  PERFORM set_config('synchronous_commit', 'on', true),
          pg_advisory_xact_lock(hashtextextended('status blocks of ' || p_zone || ' ' || p_hour, 0));
  SELECT * INTO last FROM status_blocks b WHERE b.zone_id = p_zone AND b.exp_hour = p_hour
   ORDER BY b.list DESC, b.first DESC LIMIT 1;
  IF NOT FOUND THEN
    list := 0;
    first := 0;
  ELSIF last.base <> p_base OR last.first + status_block_size() >= status_list_size() THEN
    list := last.list + 1;
    first := 0;
  ELSE
    list := last.list;
    first := last.first + status_block_size();
  END IF;
  INSERT INTO status_blocks (zone_id, exp_hour, list, first, base, taken_by)
  VALUES (p_zone, p_hour, status_block_take.list, status_block_take.first, p_base, p_by);
  RETURN NEXT;
END $$;

-- Adds the mandates of a batch whose status a list tells, in the commit that records them. p_issued are of entries, of
-- which p_wanted says whether each is recorded as issued.
CREATE OR REPLACE FUNCTION status_lists_add(p_entry_zones uuid[], p_issued jsonb, p_wanted boolean[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO issued_mandates (
    zone_id, exp_hour, list, idx, expires_at, jti, ancestors, sid, root_sid, agent_session_id, edge_id, subject_key,
    subject_gen, said, kid)
  SELECT p_entry_zones[m.entry], m.exp_hour, m.list, m.idx, to_timestamp(m.expires_at), m.jti, m.ancestors, m.sid,
         m.root_sid, m.agent_session_id, m.edge_id, decode(m.subject_key, 'hex'), m.subject_gen, m.said, m.kid
    FROM jsonb_to_recordset(p_issued)
      AS m (entry integer, exp_hour integer, list integer, idx integer, expires_at bigint, jti uuid, ancestors uuid[],
            sid uuid, root_sid uuid, agent_session_id uuid, edge_id uuid, subject_key text, subject_gen integer,
            said jsonb, kid text)
   WHERE p_wanted[m.entry];
END $$;

-- The lists that a zone has for mandates that have not expired.
CREATE OR REPLACE FUNCTION status_lists_of(p_zone uuid) RETURNS TABLE (exp_hour integer, list integer, base text)
LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN QUERY
    SELECT DISTINCT b.exp_hour, b.list, b.base FROM status_blocks b
     WHERE b.zone_id = p_zone AND b.exp_hour >= status_list_hour(clock_timestamp()) ORDER BY 1, 2;
END $$;

-- Where the zones were when some lists began, one for each; null for a list that there is not.
CREATE OR REPLACE FUNCTION status_list_bases(p_zones uuid[], p_hours integer[], p_lists integer[]) RETURNS SETOF text
LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN QUERY
    SELECT (SELECT b.base FROM status_blocks b
             WHERE b.zone_id = l.zone AND b.exp_hour = l.hour AND b.list = l.list ORDER BY b.first LIMIT 1)
      FROM unnest(p_zones, p_hours, p_lists) WITH ORDINALITY AS l (zone, hour, list, place) ORDER BY l.place;
END $$;

-- The indices of a list whose mandates have been taken back, from p_from on, of as many mandates as one statement may look
-- at. Of what has expired nothing is looked up. What a mandate rests on is looked up once for all that rest on it.
--
-- taken_back: one index after the other, each as four bytes; null for none.
-- next:       where to go on; null where nothing is left.
CREATE OR REPLACE FUNCTION status_list_taken_back(p_zone uuid, p_hour integer, p_list integer, p_from integer, p_most integer)
RETURNS TABLE (taken_back bytea, next integer) LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN QUERY
    WITH issued AS MATERIALIZED (
      SELECT i.* FROM issued_mandates i
       WHERE i.zone_id = p_zone AND i.exp_hour = p_hour AND i.list = p_list AND i.idx >= p_from
         AND i.expires_at > clock_timestamp()
       ORDER BY i.idx LIMIT p_most
    ), sessions_dead AS MATERIALIZED (
      -- What session_alive asks of each. Joined, since there may be very many.
      SELECT w.id FROM (SELECT i.sid AS id FROM issued i UNION SELECT i.root_sid FROM issued i) AS w
        LEFT JOIN LATERAL (
          SELECT s.* FROM sessions s
           WHERE s.zone_id = p_zone AND s.id >= w.id AND s.id <= w.id ORDER BY s.id LIMIT 1) AS s ON true
        LEFT JOIN clients c ON c.zone_id = p_zone AND c.id = s.client_id
        LEFT JOIN zones z ON z.id = p_zone
        LEFT JOIN trusted_issuers t ON t.zone_id = p_zone AND t.issuer = s.issuer
       WHERE s.id IS NULL OR s.ended_at IS NOT NULL OR s.expires_at <= clock_timestamp()
          OR c.removed_at IS NOT NULL OR c.generation <> s.client_generation
          OR z.generation <> s.zone_generation
          OR z.subject_generations AND s.issuer IS NOT NULL
             AND s.subject_generation <> subject_generation(p_zone, subject_key(s.issuer, s.subject))
          OR s.issuer IS NOT NULL
             AND (t.id IS NULL OR t.created_at > s.created_at OR t.generation <> s.issuer_generation)
          OR s.federated_identity_id IS NOT NULL AND NOT EXISTS (
               SELECT FROM federated_identities f JOIN trusted_issuers i ON i.zone_id = f.zone_id AND i.id = f.issuer_id
                WHERE f.zone_id = p_zone AND f.id = s.federated_identity_id)
    ), agents_dead AS MATERIALIZED (
      SELECT a.id FROM (SELECT DISTINCT i.agent_session_id AS id FROM issued i WHERE i.agent_session_id IS NOT NULL) AS a
       WHERE NOT agent_session_live(p_zone, a.id)
    ), edges_dead AS MATERIALIZED (
      SELECT e.id FROM (SELECT DISTINCT i.edge_id AS id FROM issued i WHERE i.edge_id IS NOT NULL) AS e
       WHERE NOT delegation_live(p_zone, e.id, NULL)
    ), said_dead AS MATERIALIZED (
      SELECT s.said FROM (SELECT DISTINCT i.said FROM issued i) AS s
       WHERE taken_back(p_zone, s.said) IS NOT NULL
          OR EXISTS (SELECT FROM jsonb_array_elements(s.said->'clients') AS one
                      WHERE NOT EXISTS (SELECT FROM clients c WHERE c.zone_id = p_zone AND c.id = (one->>0)::uuid
                                           AND c.disabled_at IS NULL AND c.removed_at IS NULL))
    ), gone AS (
      SELECT i.idx FROM issued i
       WHERE i.sid IN (SELECT s.id FROM sessions_dead s) OR i.root_sid IN (SELECT s.id FROM sessions_dead s)
          OR i.agent_session_id IN (SELECT a.id FROM agents_dead a)
          OR i.edge_id IN (SELECT e.id FROM edges_dead e)
          OR i.said IN (SELECT s.said FROM said_dead s)
          OR i.kid NOT IN (SELECT k.kid FROM signing_keys k WHERE k.zone_id = p_zone AND k.compromised_at IS NULL)
      UNION
      SELECT i.idx FROM issued i
       WHERE EXISTS (SELECT FROM revocations r WHERE r.zone_id = p_zone AND r.jti = i.jti)
      UNION
      SELECT i.idx FROM issued i CROSS JOIN LATERAL unnest(i.ancestors) AS a (jti)
       WHERE EXISTS (SELECT FROM revocations r WHERE r.zone_id = p_zone AND r.jti = a.jti)
      UNION
      SELECT i.idx FROM issued i
        LEFT JOIN generations g ON g.zone_id = p_zone AND g.kind = 'subject' AND g.key_hash = i.subject_key
       WHERE i.subject_key IS NOT NULL AND coalesce(g.gen, 0) <> i.subject_gen
    )
    SELECT (SELECT string_agg(int4send(g.idx), ''::bytea) FROM gone g),
           (SELECT CASE WHEN count(*) = p_most THEN max(i.idx) + 1 END FROM issued i);
END $$;

-- Makes the partitions of the coming hours, and drops those in which nothing can be alive: of hours before the last one.
-- What went to a default partition, since a partition was not made in time, is removed so many rows at a time.
CREATE OR REPLACE FUNCTION status_lists_maintain(p_hours_ahead integer DEFAULT 12) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  this_hour CONSTANT integer := status_list_hour(clock_timestamp());
  parent text;
  made   text;
  part   record;
BEGIN
  PERFORM in_sequence();
  PERFORM pg_advisory_xact_lock(hashtext('mandate.ledger_maintain'));
  FOREACH parent IN ARRAY ARRAY['status_blocks', 'issued_mandates'] LOOP
    FOR i IN 0..p_hours_ahead LOOP
      made := parent || '_h' || (this_hour + i);
      CONTINUE WHEN to_regclass(format('%I', made)) IS NOT NULL;
      BEGIN
        EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES IN (%s)', made, parent, this_hour + i);
      EXCEPTION
        -- Rows of that hour are in the default partition, and stay there.
        WHEN check_violation THEN NULL;
      END;
    END LOOP;
    EXECUTE format('DELETE FROM %1$I WHERE %2$s IN (SELECT %3$s FROM %1$I WHERE exp_hour < %4$s LIMIT 50000)',
      parent || '_default', row_names(parent || '_default'), trim(row_names(parent || '_default'), '()'), this_hour - 1);
    FOR part IN
      SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
       WHERE i.inhparent = to_regclass(format('%I', parent)) AND c.relname ~ '_h[0-9]+$'
         AND substring(c.relname FROM '[0-9]+$')::integer < this_hour - 1
    LOOP
      EXECUTE format('DROP TABLE %I', part.relname);
    END LOOP;
  END LOOP;
END $$;
