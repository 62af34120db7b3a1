-- Challenges as the ledger opens them, and what is said of them as they change. Identical requests share one.

-- A challenge of the same binding and the same terms that can still be spent, the newest; null if there is none. A
-- request that wants the subject to be authenticated anew joins none on which something was shown before it came.
-- The version before sends no terms along.
CREATE OR REPLACE FUNCTION challenge_to_join(p_zone uuid, p_binding bytea, p_terms jsonb) RETURNS uuid LANGUAGE sql AS $$
  -- Found before they are put in order, as otherwise the whole zone may be gone through in that order; and in the order that
  -- only the index of bindings has (sessions/sessions.sql).
  SELECT c.id FROM (SELECT * FROM challenges x
                     WHERE x.zone_id = p_zone AND x.binding >= p_binding AND x.binding <= p_binding
                     ORDER BY x.binding OFFSET 0) AS c
   WHERE c.consumed_at IS NULL
     AND c.decision IS DISTINCT FROM 'rejected' AND c.expires_at > clock_timestamp()
     AND (p_terms IS NULL OR c.terms = p_terms)
     AND (NOT c.request ? 'max_age' OR NOT EXISTS (
       SELECT 1 FROM challenge_decisions d WHERE d.zone_id = c.zone_id AND d.challenge_id = c.id))
   ORDER BY c.id DESC LIMIT 1
$$;

-- What the set before had in its place.
DROP FUNCTION IF EXISTS challenge_to_join(uuid, bytea);

-- The fact challenge_allowed: the client and the subject may have one more challenge open, or another secret
-- for one that is.
CREATE OR REPLACE FUNCTION challenge_allowed(p_zone uuid, p_fact jsonb) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  joined uuid := challenge_to_join(p_zone, decode(p_fact->>'binding', 'hex'), p_fact->'terms');
BEGIN
  IF joined IS NOT NULL THEN
    RETURN (SELECT count(*) FROM challenge_secrets s WHERE s.zone_id = p_zone AND s.challenge_id = joined)
             < (p_fact->>'max_secrets')::int;
  END IF;
  -- Each in the order that, with who is asked for, only the index of what is undecided has (sessions/sessions.sql).
  RETURN (SELECT count(*) < (p_fact->>'max_of_client')::int
            FROM (SELECT FROM challenges x
                   WHERE x.zone_id = p_zone AND x.client_id = (p_fact->>'client_id')::uuid
                     AND x.decision IS NULL AND x.expires_at > clock_timestamp()
                   ORDER BY x.expires_at OFFSET 0) AS c)
     AND (SELECT count(*) < (p_fact->>'max_of_subject')::int
                 AND count(*) FILTER (WHERE c.client_id = (p_fact->>'client_id')::uuid)
                     < (p_fact->>'max_of_both')::int
            FROM (SELECT x.client_id FROM challenges x
                   WHERE x.zone_id = p_zone AND x.subject = p_fact->>'subject'
                     AND x.subject_issuer IS NOT DISTINCT FROM p_fact->>'subject_issuer'
                     AND x.subject_type = 'user' AND p_fact->>'subject_type' = 'user'
                     AND x.decision IS NULL AND x.expires_at > clock_timestamp()
                   ORDER BY x.expires_at OFFSET 0) AS c);
END $$;

-- Opens a challenge, or joins the one that stands for the same. Returns what the answer and the audit event
-- say of it.
CREATE OR REPLACE FUNCTION challenge_open(p_zone uuid, p_challenge jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  at     timestamptz := clock_timestamp();
  joined uuid := challenge_to_join(p_zone, decode(p_challenge->>'binding', 'hex'), p_challenge->'terms');
BEGIN
  IF joined IS NULL THEN
    INSERT INTO challenges (zone_id, id, type, binding, policy_set_version_id, client_id, subject, subject_issuer,
                            subject_type, involved_client_ids, request, terms, quorum, expires_at, created_at, traceparent)
    SELECT p_zone, n.id, n.type, decode(n.binding, 'hex'), n.policy_set_version_id, n.client_id, n.subject,
           n.subject_issuer, n.subject_type, n.involved_client_ids, n.request, n.terms, (n.terms->>'quorum')::int,
           at + make_interval(secs => (n.terms->>'lifetime_seconds')::int), at, n.traceparent
      FROM jsonb_to_record(p_challenge)
        AS n(id uuid, type text, binding text, policy_set_version_id uuid, client_id uuid, subject text,
             subject_issuer text, subject_type text, involved_client_ids uuid[], request jsonb, terms jsonb, traceparent text);
  END IF;
  INSERT INTO challenge_secrets (zone_id, challenge_id, digest)
  VALUES (p_zone, coalesce(joined, (p_challenge->>'id')::uuid), decode(p_challenge->>'secret_digest', 'hex'));
  RETURN (SELECT jsonb_build_object(
                   'id', c.id, 'type', c.type, 'joined', joined IS NOT NULL,
                   'expires_at', floor(extract(epoch FROM c.expires_at)))
            FROM challenges c
           WHERE c.zone_id IS NOT DISTINCT FROM p_zone AND c.id = coalesce(joined, (p_challenge->>'id')::uuid));
END $$;

-- After a challenge was decided: says so to every replica, where requests may be waiting for it.
-- Not where the ledger writes: notifications take turns when they are committed.
CREATE OR REPLACE FUNCTION challenge_decided() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('mandate_challenge_decided', NEW.id::text);
  RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER decided AFTER UPDATE OF decision ON challenges FOR EACH ROW
  WHEN (OLD.decision IS DISTINCT FROM NEW.decision) EXECUTE FUNCTION challenge_decided();

-- After a challenge was opened, decided or spent: puts the event into the outbox of webhooks, in the
-- transaction in which it happened, so that it is sent if and only if it has.
CREATE OR REPLACE FUNCTION challenge_event() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  happened text := CASE WHEN TG_OP = 'INSERT' THEN 'created'
                        WHEN NEW.consumed_at IS NOT NULL THEN 'consumed'
                        ELSE NEW.decision END;
BEGIN
  PERFORM webhook_event_traced(NEW.zone_id, 'challenge.' || happened, jsonb_build_object(
    'zone_id', NEW.zone_id, 'challenge_id', NEW.id, 'challenge_type', NEW.type,
    'binding', encode(NEW.binding, 'hex'), 'request', NEW.request,
    'approvals', NEW.approvals, 'quorum', NEW.quorum, 'decision', NEW.decision,
    'expires_at', to_char(NEW.expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')), NEW.traceparent);
  RETURN NULL;
END $$;

-- After a challenge was reported as one that the person knows nothing of: an event beside that of the rejection.
CREATE OR REPLACE FUNCTION challenge_reported() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM webhook_event_traced(NEW.zone_id, 'challenge.reported', jsonb_build_object(
    'zone_id', NEW.zone_id, 'challenge_id', NEW.id, 'challenge_type', NEW.type,
    'binding', encode(NEW.binding, 'hex'), 'request', NEW.request,
    'approvals', NEW.approvals, 'quorum', NEW.quorum, 'decision', NEW.decision,
    'expires_at', to_char(NEW.expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')), NEW.traceparent);
  RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER tell_of_new AFTER INSERT ON challenges
  FOR EACH ROW EXECUTE FUNCTION challenge_event();

CREATE OR REPLACE TRIGGER tell_of_decision AFTER UPDATE OF decision ON challenges FOR EACH ROW
  WHEN (OLD.decision IS DISTINCT FROM NEW.decision) EXECUTE FUNCTION challenge_event();

CREATE OR REPLACE TRIGGER tell_of_report AFTER UPDATE OF reported_at ON challenges FOR EACH ROW
  WHEN (OLD.reported_at IS NULL AND NEW.reported_at IS NOT NULL) EXECUTE FUNCTION challenge_reported();

CREATE OR REPLACE TRIGGER tell_of_consumption AFTER UPDATE OF consumed_at ON challenges FOR EACH ROW
  WHEN (OLD.consumed_at IS NULL AND NEW.consumed_at IS NOT NULL) EXECUTE FUNCTION challenge_event();
