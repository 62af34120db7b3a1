-- What is taken back in the commit of an entry: mandates by their jti, and sessions with what hangs on them.

-- Takes back what those entries of a batch ask for that were recorded. Called in one statement with ledger_commit_entries,
-- whose gates close when that is committed (gate.sql); so nothing of the batch may be inside one, and such entries rest on
-- no facts. All batches take things back in one order: two that take back the same wait for each other.
--
-- p_revocations: [{entry, zone_id, jti, session_id?}, ...]. p_others: as ledger_commit_entries answers.
-- Returns how many mandates were asked for.
CREATE OR REPLACE FUNCTION ledger_take_back(p_revocations jsonb, p_others jsonb) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
  recorded CONSTANT jsonb := coalesce((
    SELECT jsonb_agg(r.value) FROM jsonb_array_elements(p_revocations) AS r
     WHERE NOT EXISTS (SELECT FROM jsonb_array_elements(p_others) AS o WHERE o.value->0 = r.value->'entry')), '[]');
  ended    record;
BEGIN
  INSERT INTO revocations (zone_id, jti)
  SELECT DISTINCT x.zone_id, x.jti FROM jsonb_to_recordset(recorded) AS x (zone_id uuid, jti uuid)
   ORDER BY x.zone_id, x.jti
  ON CONFLICT DO NOTHING;
  FOR ended IN SELECT DISTINCT x.zone_id, x.session_id FROM jsonb_to_recordset(recorded) AS x (zone_id uuid, session_id uuid)
                WHERE x.session_id IS NOT NULL ORDER BY x.zone_id, x.session_id
  LOOP
    PERFORM session_end(ended.zone_id, ended.session_id);
  END LOOP;
  RETURN jsonb_array_length(recorded);
END $$;
