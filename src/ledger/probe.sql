-- Whether a mandate could be recorded now, found out by recording one that nobody gets.

-- Does all that a commit does which issues a mandate, takes it back, and then commits one row: locks, triggers,
-- partitions and a database that is read-only show in the first half, a commit that hangs in the second.
-- Fails as the commit would. The row is the process's own, so the table has as many as there are processes.
CREATE OR REPLACE FUNCTION ledger_probe(p_process uuid, p_lock_ms integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  nobody CONSTANT uuid := '00000000-0000-0000-0000-000000000000';
BEGIN
  PERFORM set_config('synchronous_commit', 'on', true), set_config('lock_timeout', p_lock_ms::text, true);
  BEGIN
    -- A session needs a client, and nobody has none: these are the locks that storing one takes.
    LOCK TABLE zones, clients IN ROW SHARE MODE;
    LOCK TABLE sessions IN ROW EXCLUSIVE MODE;
    IF EXISTS (
      SELECT FROM ledger_commit_entries(
        p_process, true, ARRAY[nobody], ARRAY[NULL::bigint],
        ARRAY[new_uuid_v7()], '{1}', '{t}', NULL,
        ARRAY[p_process::text], '{NULL}', '{readiness.probe}', '{failed}', '{NULL}', '{NULL}',
        ARRAY['"type":"readiness.probe","request_id":"' || p_process || '"'], ARRAY['"outcome":"failed"'],
        '{1}', '{1}', '{1}', '{1}', '{token_not_revoked}', ARRAY[new_uuid_v7()], '{NULL}', '{failed}', ARRAY['"outcome":"failed"'],
        NULL, NULL, NULL, NULL) AS c
       WHERE c.others IS NOT NULL) THEN
      RAISE EXCEPTION 'the ledger recorded nothing';
    END IF;
    RAISE EXCEPTION USING ERRCODE = 'MP000', MESSAGE = 'taken back';
  EXCEPTION WHEN SQLSTATE 'MP000' THEN
    NULL;
  END;
  INSERT INTO ledger_probes AS p (process, at) VALUES (p_process, clock_timestamp())
    ON CONFLICT (process) DO UPDATE SET at = EXCLUDED.at;
  DELETE FROM ledger_probes p WHERE p.process IN (
    SELECT old.process FROM ledger_probes old WHERE old.at < now() - interval '1 hour' FOR UPDATE SKIP LOCKED);
END $$;
