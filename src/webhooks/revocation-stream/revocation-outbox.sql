-- The outbox of the revocation stream: triggers put there what ends, in the transaction that ends it, however it is
-- ended: by a request, with the client or the zone, or by an operator in psql.

-- Puts something into the outbox, if anybody sends.
CREATE OR REPLACE FUNCTION revocation_to_be_sent(p_zone uuid, p_kind text, p_ended uuid) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM revocation_stream s WHERE s.wanted_until > clock_timestamp()) THEN RETURN; END IF;
  IF NOT EXISTS (SELECT FROM revocation_outbox o WHERE o.zone_id = p_zone) THEN PERFORM wake_job('revocation stream'); END IF;
  INSERT INTO revocation_outbox (zone_id, id, kind, ended_id) VALUES (p_zone, new_uuid_v7(), p_kind, p_ended);
END $$;

-- After something was ended, or removed before it was: it is to be sent, if anybody sends. What has expired is put there
-- as well: gateways leave streams open longer than mandates live.
CREATE OR REPLACE FUNCTION revocation_is_to_be_sent() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM revocation_to_be_sent(OLD.zone_id, TG_ARGV[0], OLD.id);
  RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER revocation_of_ended AFTER UPDATE OF ended_at ON sessions FOR EACH ROW
  WHEN (OLD.ended_at IS NULL AND NEW.ended_at IS NOT NULL) EXECUTE FUNCTION revocation_is_to_be_sent('session');

CREATE OR REPLACE TRIGGER revocation_of_removed AFTER DELETE ON sessions FOR EACH ROW
  WHEN (OLD.ended_at IS NULL) EXECUTE FUNCTION revocation_is_to_be_sent('session');

CREATE OR REPLACE TRIGGER revocation_of_ended AFTER UPDATE OF ended_at ON agent_sessions FOR EACH ROW
  WHEN (OLD.ended_at IS NULL AND NEW.ended_at IS NOT NULL) EXECUTE FUNCTION revocation_is_to_be_sent('agent_session');

CREATE OR REPLACE TRIGGER revocation_of_removed AFTER DELETE ON agent_sessions FOR EACH ROW
  WHEN (OLD.ended_at IS NULL) EXECUTE FUNCTION revocation_is_to_be_sent('agent_session');

-- No mandate rests on what was never accepted.
CREATE OR REPLACE TRIGGER revocation_of_ended AFTER UPDATE OF revoked_at ON delegation_edges FOR EACH ROW
  WHEN (OLD.accepted_at IS NOT NULL AND OLD.revoked_at IS NULL AND NEW.revoked_at IS NOT NULL)
  EXECUTE FUNCTION revocation_is_to_be_sent('delegation');

CREATE OR REPLACE TRIGGER revocation_of_removed AFTER DELETE ON delegation_edges FOR EACH ROW
  WHEN (OLD.accepted_at IS NOT NULL AND OLD.revoked_at IS NULL) EXECUTE FUNCTION revocation_is_to_be_sent('delegation');

-- The same for a client that was disabled: what it began goes no further. One that is being removed loses its rows, each
-- of which is sent.
CREATE OR REPLACE FUNCTION revocations_of_client_are_to_be_sent() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.removed_at IS NULL THEN PERFORM revocation_to_be_sent(NEW.zone_id, 'client', NEW.id); END IF;
  RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER revocation_of_disabled AFTER UPDATE OF disabled_at ON clients FOR EACH ROW
  WHEN (OLD.disabled_at IS NULL AND NEW.disabled_at IS NOT NULL) EXECUTE FUNCTION revocations_of_client_are_to_be_sent();

-- The same for a workload that is its client no more, or whose issuer is gone: the sessions that its tokens opened are not
-- marked, and are dead. Those of a client that is being removed are sent as its rows go.
CREATE OR REPLACE FUNCTION revocations_of_workload_are_to_be_sent() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM clients c WHERE c.zone_id = OLD.zone_id AND c.id = OLD.client_id AND c.removed_at IS NULL) THEN
    PERFORM revocation_to_be_sent(OLD.zone_id, 'federated_identity', OLD.id);
  END IF;
  RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER revocation_of_removed AFTER DELETE ON federated_identities FOR EACH ROW
  EXECUTE FUNCTION revocations_of_workload_are_to_be_sent();
