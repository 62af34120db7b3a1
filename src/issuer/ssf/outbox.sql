-- Shared signals (OpenID SSF 1.0): triggers put what happens into the outbox of the zone, in the transaction in which it
-- happens, however that comes about. From there it is put on the streams of the zone, when there is time.

-- Whether anybody is told what happens in a zone: without streams nothing is put into its outbox.
CREATE OR REPLACE FUNCTION ssf_is_told(p_zone uuid) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN EXISTS (SELECT FROM ssf_streams s WHERE s.zone_id = p_zone AND s.status <> 'disabled');
END $$;

-- Puts an event into the outbox of a zone, with the order that it happens by, if there is one (revocation-orders.service.ts).
-- A null iss in p_sub_id is the issuer of the zone.
CREATE OR REPLACE FUNCTION ssf_event(p_zone uuid, p_type text, p_sub_id jsonb, p_event jsonb) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM ssf_outbox o WHERE o.zone_id = p_zone) THEN PERFORM wake_job('signal outbox'); END IF;
  INSERT INTO ssf_outbox (zone_id, txn, event_type, sub_id, event, order_id)
  VALUES (p_zone, new_uuid_v7(), p_type, p_sub_id,
          p_event || jsonb_build_object('event_timestamp', floor(extract(epoch FROM clock_timestamp()))::bigint),
          nullif(current_setting('mandate.revocation_order', true), '')::uuid);
END $$;

-- What a session is called in events: by its id and by whose it is (OpenID CAEP 1.0 3.1, RFC 9493 3.2).
CREATE OR REPLACE FUNCTION ssf_session_subject(p_id uuid, p_issuer text, p_subject text) RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
  SELECT jsonb_build_object(
    'format', 'complex',
    'session', jsonb_build_object('format', 'opaque', 'id', p_id),
    'user', jsonb_build_object('format', 'iss_sub', 'iss', p_issuer, 'sub', p_subject))
$$;

-- After a session was ended, or removed while it was alive.
CREATE OR REPLACE FUNCTION ssf_session_ended() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.expires_at > clock_timestamp() AND ssf_is_told(OLD.zone_id) THEN
    PERFORM ssf_event(OLD.zone_id, 'https://schemas.openid.net/secevent/caep/event-type/session-revoked',
      ssf_session_subject(OLD.id, OLD.issuer, OLD.subject),
      '{"reason_admin": {"en": "The session was ended."}}');
  END IF;
  RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER ssf_session_ended AFTER UPDATE OF ended_at ON sessions FOR EACH ROW
  WHEN (OLD.ended_at IS NULL AND NEW.ended_at IS NOT NULL) EXECUTE FUNCTION ssf_session_ended();

CREATE OR REPLACE TRIGGER ssf_session_removed AFTER DELETE ON sessions FOR EACH ROW
  WHEN (OLD.ended_at IS NULL) EXECUTE FUNCTION ssf_session_ended();

-- After a step-up has raised or changed what is known of how a user of a session was authenticated (OpenID CAEP 1.0 3.4).
-- Values of acr have no order, so nothing is said of the direction.
CREATE OR REPLACE FUNCTION ssf_assurance_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF ssf_is_told(NEW.zone_id) THEN
    PERFORM ssf_event(NEW.zone_id, 'https://schemas.openid.net/secevent/caep/event-type/assurance-level-change',
      ssf_session_subject(NEW.id, NEW.issuer, NEW.subject),
      jsonb_strip_nulls(jsonb_build_object('namespace', 'acr', 'current_level', NEW.acr, 'previous_level', OLD.acr)));
  END IF;
  RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER ssf_assurance_changed AFTER UPDATE OF acr ON sessions FOR EACH ROW
  WHEN (NEW.acr IS NOT NULL AND OLD.acr IS DISTINCT FROM NEW.acr) EXECUTE FUNCTION ssf_assurance_changed();

-- After an authenticator of a person was registered or removed (OpenID CAEP 1.0 3.3). Which device a passkey is bound to is
-- not known: it is told of as one that roams. What CAEP has no word for goes by ours, such as recovery_code.
CREATE OR REPLACE FUNCTION ssf_credential_changed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  v_row authenticators := coalesce(NEW, OLD);
BEGIN
  IF ssf_is_told(v_row.zone_id) THEN
    PERFORM ssf_event(v_row.zone_id, 'https://schemas.openid.net/secevent/caep/event-type/credential-change',
      jsonb_build_object('format', 'iss_sub', 'iss', v_row.subject_issuer, 'sub', v_row.subject),
      jsonb_build_object('change_type', CASE TG_OP WHEN 'INSERT' THEN 'create' ELSE 'delete' END,
                         'credential_type', CASE v_row.kind WHEN 'totp' THEN 'app' WHEN 'webauthn' THEN 'fido2-roaming'
                                                           ELSE v_row.kind END));
  END IF;
  RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER ssf_credential_changed AFTER INSERT OR DELETE ON authenticators
  FOR EACH ROW EXECUTE FUNCTION ssf_credential_changed();

-- After the generation of something was raised (generations.sql): mandates of a lower one are not honoured any more. Of a
-- user all sessions are revoked by that, which receivers that know nothing of ours are told in the words of CAEP.
CREATE OR REPLACE FUNCTION ssf_authority_revoked(p_zone uuid, p_kind text, p_name text, p_generation integer) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  v_subject jsonb;
BEGIN
  IF NOT ssf_is_told(p_zone) THEN RETURN; END IF;
  v_subject := CASE p_kind
    WHEN 'subject' THEN jsonb_build_object('format', 'iss_sub', 'iss', nullif(split_part(p_name, E'\n', 1), ''),
                                           'sub', split_part(p_name, E'\n', 2))
    WHEN 'client' THEN jsonb_build_object('format', 'iss_sub', 'iss', NULL, 'sub', p_name)
    WHEN 'resource' THEN jsonb_build_object('format', 'uri', 'uri', p_name)
    ELSE jsonb_build_object('format', 'opaque', 'id', p_name)
  END;
  PERFORM ssf_event(p_zone, 'urn:mandate:event:authority-revoked', v_subject,
    jsonb_build_object('kind', p_kind, 'gen', p_generation,
                       'reason_admin', jsonb_build_object('en', 'All that was issued before was taken back.')));
  IF p_kind = 'subject' THEN
    PERFORM ssf_event(p_zone, 'https://schemas.openid.net/secevent/caep/event-type/session-revoked',
      jsonb_build_object('format', 'complex', 'user', v_subject),
      '{"reason_admin": {"en": "All sessions of the user were taken back."}}');
  END IF;
END $$;

-- After a client was told that it is no receiver any more: its stream ends, with what is on it.
CREATE OR REPLACE FUNCTION ssf_receiver_ended() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM ssf_streams s WHERE s.zone_id = NEW.zone_id AND s.client_id = NEW.id;
  RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER ssf_receiver_ended AFTER UPDATE OF ssf ON clients FOR EACH ROW
  WHEN (OLD.ssf AND NOT NEW.ssf) EXECUTE FUNCTION ssf_receiver_ended();

-- The digest of a subject, by which those are found that were taken off a stream.
CREATE OR REPLACE FUNCTION ssf_subject_digest(p_subject jsonb) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
  SELECT sha256(convert_to(p_subject::text, 'UTF8'))
$$;

-- Whether a receiver has taken the subject of an event off its stream: the subject itself, the session or the user in it, or a
-- complex subject all of whose members are in it. Events have no other members than these two.
CREATE OR REPLACE FUNCTION ssf_is_off(p_zone uuid, p_stream uuid, p_sub_id jsonb) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
DECLARE
  v_user    CONSTANT jsonb := p_sub_id -> 'user';
  v_session CONSTANT jsonb := p_sub_id -> 'session';
BEGIN
  RETURN EXISTS (
    SELECT FROM ssf_subjects x
     WHERE x.zone_id = p_zone AND x.stream_id = p_stream
       AND x.digest IN (ssf_subject_digest(p_sub_id), ssf_subject_digest(v_user), ssf_subject_digest(v_session),
                        ssf_subject_digest(jsonb_build_object('format', 'complex', 'user', v_user)),
                        ssf_subject_digest(jsonb_build_object('format', 'complex', 'session', v_session))));
END $$;

-- Puts an event about a stream itself on it, and wakes whoever waits for events of the stream.
CREATE OR REPLACE FUNCTION ssf_tell_stream(p_zone uuid, p_stream uuid, p_type text, p_event jsonb, p_control boolean)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO ssf_deliveries (zone_id, stream_id, jti, txn, event_type, sub_id, event, control)
  VALUES (p_zone, p_stream, new_uuid_v7(), new_uuid_v7(), p_type,
          jsonb_build_object('format', 'opaque', 'id', p_stream), p_event, p_control);
  PERFORM pg_notify('mandate_ssf_event', p_stream::text);
END $$;

-- Stops a stream that its receiver does not stop, and says so on it (OpenID SSF 1.0 8.1.5). Nothing more is put on it if
-- p_drops, until the receiver enables it again.
CREATE OR REPLACE FUNCTION ssf_stop_stream(p_zone uuid, p_stream uuid, p_status text, p_reason text, p_drops boolean)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  UPDATE ssf_streams s
     SET status = p_status, status_reason = p_reason, attempts = 0, due_at = clock_timestamp(),
         dropping_since = CASE WHEN p_drops THEN coalesce(s.dropping_since, clock_timestamp()) ELSE s.dropping_since END
   WHERE s.zone_id = p_zone AND s.id = p_stream;
  PERFORM ssf_tell_stream(p_zone, p_stream, 'https://schemas.openid.net/secevent/ssf/event-type/stream-updated',
    jsonb_build_object('status', p_status, 'reason', p_reason), true);
END $$;

-- Puts some of what is in the outbox of a zone on its streams, the oldest first. A stream on which more than p_held
-- events wait is stopped: it takes no more, which its status and its last event say.
CREATE OR REPLACE FUNCTION ssf_distribute(p_zone uuid, p_most integer, p_held integer)
RETURNS TABLE (taken integer, put integer) LANGUAGE plpgsql SET lock_timeout = '300ms' AS $$
DECLARE
  v_taken   integer := 0;
  v_put     integer := 0;
  v_streams uuid[];
  v_stream  uuid;
BEGIN
  -- One at a time in a zone, so that what comes first is on each stream first.
  IF pg_try_advisory_xact_lock(hashtextextended('shared signals of ' || p_zone, 0)) THEN
    WITH gone AS (
      DELETE FROM ssf_outbox o
       USING (SELECT i.seq FROM ssf_outbox i WHERE i.zone_id = p_zone ORDER BY i.seq LIMIT p_most FOR UPDATE SKIP LOCKED) AS d
       WHERE o.zone_id = p_zone AND o.seq = d.seq
      RETURNING o.*
    ), added AS (
      INSERT INTO ssf_deliveries (zone_id, stream_id, jti, txn, event_type, sub_id, event, order_id)
      SELECT s.zone_id, s.id, new_uuid_v7(), g.txn, g.event_type, g.sub_id, g.event, g.order_id
        FROM gone g
        JOIN ssf_streams s ON s.zone_id = g.zone_id AND s.status <> 'disabled' AND s.dropping_since IS NULL
                          AND (s.events_requested IS NULL OR g.event_type = ANY (s.events_requested))
        JOIN clients c ON c.zone_id = s.zone_id AND c.id = s.client_id AND c.disabled_at IS NULL
       WHERE NOT ssf_is_off(s.zone_id, s.id, g.sub_id)
       ORDER BY g.seq
      RETURNING stream_id
    )
    SELECT (SELECT count(*) FROM gone), (SELECT count(*) FROM added), (SELECT array_agg(DISTINCT a.stream_id) FROM added a)
      INTO v_taken, v_put, v_streams;
    FOREACH v_stream IN ARRAY coalesce(v_streams, '{}') LOOP
      PERFORM pg_notify('mandate_ssf_event', v_stream::text);
      IF (SELECT count(*) FROM (SELECT FROM ssf_deliveries d WHERE d.zone_id = p_zone AND d.stream_id = v_stream
                                 LIMIT p_held + 1) AS waiting) > p_held THEN
        PERFORM ssf_stop_stream(p_zone, v_stream, 'paused', format(
          'More than %s events wait: nothing more is kept since %s. What is there is sent when the stream is enabled again.',
          p_held, to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')), true);
      END IF;
    END LOOP;
  END IF;
  RETURN QUERY SELECT v_taken, v_put;
END $$;

-- Before a stream is made: puts what has happened so far on the streams that there are, p_most of it, and lets nobody do
-- that until the transaction ends. So what was committed before the new one is there is not for it, and all that is committed
-- later is.
CREATE OR REPLACE FUNCTION ssf_before_stream(p_zone uuid, p_most integer, p_held integer) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('shared signals of ' || p_zone, 0));
  PERFORM ssf_distribute(p_zone, p_most, p_held);
END $$;

-- Stops streams whose receivers have not fetched an event for p_days, and disables those that were stopped so long ago
-- that nothing of theirs is kept any more.
CREATE OR REPLACE FUNCTION ssf_stop_forgotten(p_days integer, p_kept_days integer) RETURNS integer LANGUAGE plpgsql
SET lock_timeout = '300ms' AS $$
DECLARE
  v_stream record;
  v_count  integer := 0;
BEGIN
  FOR v_stream IN
    SELECT s.zone_id, s.id, s.status, s.dropping_since, oldest.created_at
      FROM ssf_streams s
     CROSS JOIN LATERAL (SELECT d.created_at FROM ssf_deliveries d WHERE d.zone_id = s.zone_id AND d.stream_id = s.id
                          ORDER BY d.seq LIMIT 1) AS oldest
     WHERE s.status <> 'disabled' AND oldest.created_at < clock_timestamp() - make_interval(days => p_days)
       AND (s.dropping_since IS NULL OR s.dropping_since < clock_timestamp() - make_interval(days => p_kept_days))
     LIMIT 100 FOR UPDATE OF s SKIP LOCKED
  LOOP
    IF v_stream.dropping_since IS NULL THEN
      PERFORM ssf_stop_stream(v_stream.zone_id, v_stream.id, 'paused', format(
        'Events wait for more than %s days: nothing more is kept since %s. What is there is sent when the stream is enabled again.',
        p_days, to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')), true);
    ELSE
      DELETE FROM ssf_deliveries d WHERE d.zone_id = v_stream.zone_id AND d.stream_id = v_stream.id;
      PERFORM ssf_stop_stream(v_stream.zone_id, v_stream.id, 'disabled', format(
        'It was not enabled again within %s days. What waited is gone.', p_kept_days), true);
    END IF;
    v_count := v_count + 1;
  END LOOP;
  RETURN v_count;
END $$;
