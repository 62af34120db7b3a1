-- Wakes a background job (platform/database/database-job.ts) when the transaction is committed. One that is not woken
-- looks by itself a few seconds later, so nothing is lost with a notification.
--
-- Transactions that notify are committed one after the other, whatever they are about: PostgreSQL keeps a lock of the whole
-- server from the notification to the commit. So nothing that is committed with each token request calls this, and who puts
-- something into a queue does only if there is nothing in it of that zone: while there is, the job looks by itself.
CREATE OR REPLACE FUNCTION wake_job(p_name text) RETURNS void LANGUAGE sql AS $$
  SELECT pg_notify('mandate_work', p_name)
$$;
