-- The gate of a zone: entries are in it together from their checks to their commit, and a change that a check could
-- have seen closes it before it is committed. So such a change waits for the entries that were checked before it,
-- those that are checked later see it, and none is committed after the change was acknowledged. Advisory locks: they
-- write no row, and an entry that finds the gate closed goes away without waiting.

-- The key of the gate of a zone; of the gate of all zones for null.
CREATE OR REPLACE FUNCTION ledger_gate(p_zone uuid) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
  SELECT hashtextextended('gate of ' || coalesce(p_zone::text, 'all zones'), 0)
$$;

-- Enters the gate of a zone until the transaction ends. False if it is closed, or somebody waits to close it.
CREATE OR REPLACE FUNCTION ledger_enter(p_zone uuid) RETURNS boolean LANGUAGE sql AS $$
  SELECT pg_try_advisory_xact_lock_shared(ledger_gate(NULL)) AND pg_try_advisory_xact_lock_shared(ledger_gate(p_zone))
$$;

-- Closes the gate of a zone until the transaction ends, when those that are in it have left. A transaction that
-- changes a hundred zones closes the gate of all: the server has not room for a lock on each of very many.
CREATE OR REPLACE FUNCTION ledger_close(p_zone uuid) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  closed integer := coalesce(nullif(current_setting('mandate.gates_closed', true), ''), '0')::integer;
BEGIN
  -- The rows of a change are usually of one zone.
  IF current_setting('mandate.gate_closed', true) = p_zone::text THEN RETURN; END IF;
  PERFORM pg_advisory_xact_lock(ledger_gate(CASE WHEN closed < 100 THEN p_zone END));
  PERFORM set_config('mandate.gate_closed', p_zone::text, true),
          set_config('mandate.gates_closed', (closed + 1)::text, true);
END $$;

-- The key of the gate of one client: a change of the client closes that, and not the gate of its zone.
CREATE OR REPLACE FUNCTION ledger_client_gate(p_zone uuid, p_client uuid) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
  SELECT hashtextextended('gate of client ' || p_client::text || ' of ' || p_zone::text, 0)
$$;

-- The key of the gate of all clients of a zone, for what rests on whatever client has a label, and for entries of
-- processes of the version before, which say of no client that they rest on it.
CREATE OR REPLACE FUNCTION ledger_clients_gate(p_zone uuid) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
  SELECT hashtextextended('gate of all clients of ' || p_zone::text, 0)
$$;

-- Enters the gates of the clients that an entry rests on. False if one is closed, or somebody waits to close it.
CREATE OR REPLACE FUNCTION ledger_enter_clients(p_zone uuid, p_entry jsonb) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  client jsonb;
BEGIN
  IF (p_entry ? 'zone_version' OR p_entry ? 'labels')
     AND NOT pg_try_advisory_xact_lock_shared(ledger_clients_gate(p_zone)) THEN
    RETURN false;
  END IF;
  FOR client IN SELECT x.value FROM jsonb_array_elements(p_entry->'clients') AS x LOOP
    IF NOT pg_try_advisory_xact_lock_shared(ledger_client_gate(p_zone, (client->>'id')::uuid)) THEN RETURN false; END IF;
  END LOOP;
  RETURN true;
END $$;

-- Closes the gate of a client that was changed, or was given labels; from the hundredth in a transaction on that of its
-- zone: the server has not room for a lock on each of very many. One that goes or is taken back closes that of its zone as
-- well: with it go sessions, agent sessions and delegations, also of entries that say nothing of the client.
CREATE OR REPLACE FUNCTION client_closes() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  client CONSTANT clients := CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
  closed CONSTANT integer := coalesce(nullif(current_setting('mandate.client_gates_closed', true), ''), '0')::integer;
BEGIN
  IF closed >= 100 OR TG_OP = 'DELETE'
     OR TG_OP = 'UPDATE' AND (OLD.removed_at, OLD.generation) IS DISTINCT FROM (NEW.removed_at, NEW.generation) THEN
    PERFORM ledger_close(client.zone_id);
    RETURN NULL;
  END IF;
  PERFORM pg_advisory_xact_lock(ledger_client_gate(client.zone_id, client.id)),
          pg_advisory_xact_lock(ledger_clients_gate(client.zone_id)),
          set_config('mandate.client_gates_closed', (closed + 1)::text, true);
  RETURN NULL;
END $$;

-- Closes the gate of a zone that was changed or removed: when the transaction is committed, so that a change that
-- takes its time stops nothing.
CREATE OR REPLACE FUNCTION zone_closes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM ledger_close(OLD.id);
  RETURN NULL;
END $$;

-- The same for a row of a zone that a check reads.
CREATE OR REPLACE FUNCTION zone_row_closes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM ledger_close(NEW.zone_id);
  RETURN NULL;
END $$;

-- Closes the gates at once when issuers were removed: who then ends the sessions of their users finds all of them,
-- also those that were being born.
CREATE OR REPLACE FUNCTION issuers_removed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM ledger_close(zone_id) FROM (SELECT DISTINCT zone_id FROM before_rows ORDER BY zone_id) AS zones;
  RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER issuers_removed AFTER DELETE ON trusted_issuers
  REFERENCING OLD TABLE AS before_rows FOR EACH STATEMENT EXECUTE FUNCTION issuers_removed();

-- Constraint triggers, the only ones that run when the transaction is committed, cannot be replaced, and run for each
-- row: a statement queues an event for each that it changes, so those that end very many take so many at a time
-- (admin/removals), or end few by their nature (the live agent sessions of a client are limited).
DO $$
DECLARE
  t record;
BEGIN
  -- One that closed the gate of a zone also when no more than its clients had changed.
  IF EXISTS (SELECT FROM pg_trigger g WHERE g.tgrelid = 'zones'::regclass AND g.tgname = 'closes_gate') THEN
    DROP TRIGGER closes_gate ON zones;
  END IF;
  FOR t IN SELECT * FROM (VALUES
    ('zones', 'settings_close_gate', 'UPDATE', 'WHEN (OLD.settings_version IS DISTINCT FROM NEW.settings_version)', 'zone_closes'),
    ('zones', 'end_closes_gate', 'DELETE', '', 'zone_closes'),
    ('clients', 'closes_gate', 'UPDATE OR DELETE', '', 'client_closes'),
    ('clients', 'labels_close_gate', 'INSERT', 'WHEN (NEW.labels <> ''{}'')', 'client_closes'),
    ('sessions', 'closes_gate', 'UPDATE OF ended_at', 'WHEN (OLD.ended_at IS DISTINCT FROM NEW.ended_at)', 'zone_row_closes'),
    ('agent_sessions', 'closes_gate', 'UPDATE OF ended_at', 'WHEN (OLD.ended_at IS DISTINCT FROM NEW.ended_at)', 'zone_row_closes'),
    ('delegation_edges', 'closes_gate', 'UPDATE', 'WHEN (OLD.version IS DISTINCT FROM NEW.version)', 'zone_row_closes'),
    ('revocations', 'closes_gate', 'INSERT', '', 'zone_row_closes'),
    ('generations', 'closes_gate', 'INSERT OR UPDATE', 'WHEN (NEW.kind = ''subject'')', 'zone_row_closes')) AS x (name, trigger, event, condition, function)
  LOOP
    CONTINUE WHEN EXISTS (SELECT FROM pg_trigger g WHERE g.tgrelid = to_regclass(t.name) AND g.tgname = t.trigger);
    EXECUTE format('CREATE CONSTRAINT TRIGGER %I AFTER %s ON %I DEFERRABLE INITIALLY DEFERRED
      FOR EACH ROW %s EXECUTE FUNCTION %I()', t.trigger, t.event, t.name, t.condition, t.function);
  END LOOP;
END $$;
