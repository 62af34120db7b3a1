-- Webhooks are told of what was taken back, in the transaction in which it is, however it is done. Only those that name
-- the type of event: who wants "all" has registered for challenges.

-- Puts an event into the outbox of every webhook that is told of the zone and names its type. Whoever has made the transaction may have
-- said in which trace (`mandate.traceparent`). The job is woken, unless one of these webhooks was told something in the last
-- second: then it is awake.
CREATE OR REPLACE FUNCTION webhook_event_named(p_zone uuid, p_type text, p_data jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  v_awake CONSTANT boolean := EXISTS (
    SELECT FROM webhooks w JOIN webhook_deliveries d ON d.zone_id = w.zone_id AND d.webhook_id = w.id
     WHERE w.zone_id = p_zone AND w.disabled_at IS NULL AND p_type = ANY (w.events)
       AND d.id > uuid_from_time(clock_timestamp() - interval '1 second')) OR EXISTS (
    SELECT FROM webhooks_told(p_zone) w JOIN webhook_deliveries d ON d.installation_webhook_id = w.installation_webhook_id
     WHERE p_type = ANY (w.events) AND d.id > uuid_from_time(clock_timestamp() - interval '1 second'));
BEGIN
  INSERT INTO webhook_deliveries (zone_id, id, webhook_id, installation_webhook_id, event_type, traceparent, payload)
  SELECT p_zone, new_uuid_v7(), w.webhook_id, w.installation_webhook_id, p_type, nullif(current_setting('mandate.traceparent', true), ''), jsonb_build_object(
           'type', p_type, 'data', jsonb_build_object('zone_id', p_zone) || p_data,
           'timestamp', to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))
    FROM webhooks_told(p_zone) w WHERE p_type = ANY (w.events);
  IF FOUND AND NOT v_awake THEN PERFORM wake_job('webhooks'); END IF;
END $$;

CREATE OR REPLACE FUNCTION webhook_of_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM webhook_event_named(NEW.zone_id, 'revocation.ordered', jsonb_build_object(
    'order_id', NEW.id, 'target', NEW.target, 'reason', NEW.reason, 'reason_code', NEW.reason_code,
    'generation', NEW.generation, 'affects', NEW.affects));
  RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER webhook_of_order AFTER INSERT ON revocation_orders
  FOR EACH ROW EXECUTE FUNCTION webhook_of_order();

CREATE OR REPLACE FUNCTION webhook_of_client() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM webhook_event_named(NEW.zone_id, 'client.disabled', jsonb_build_object(
    'client_id', NEW.id, 'removed', NEW.removed_at IS NOT NULL));
  RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER webhook_of_disabled AFTER UPDATE OF disabled_at ON clients FOR EACH ROW
  WHEN (OLD.disabled_at IS NULL AND NEW.disabled_at IS NOT NULL) EXECUTE FUNCTION webhook_of_client();

CREATE OR REPLACE FUNCTION webhook_of_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM webhook_event_named(NEW.zone_id, 'signing_key.withdrawn', jsonb_build_object('kid', NEW.kid, 'alg', NEW.alg));
  RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER webhook_of_withdrawn AFTER UPDATE OF compromised_at ON signing_keys FOR EACH ROW
  WHEN (OLD.compromised_at IS NULL AND NEW.compromised_at IS NOT NULL) EXECUTE FUNCTION webhook_of_key();

-- Sessions that end in one statement are told together, a hundred in an event, and ten thousand at most: a zone that ends
-- all that it has fills nobody's outbox. What is not listed is counted in the last event.
CREATE OR REPLACE FUNCTION webhook_of_sessions() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  many CONSTANT integer := 100;
  most CONSTANT integer := 10000;
  one  record;
BEGIN
  IF NOT EXISTS (SELECT FROM webhooks w WHERE w.disabled_at IS NULL AND 'session.ended' = ANY (w.events)
                    AND w.zone_id IN (SELECT a.zone_id FROM after_rows a))
     AND NOT EXISTS (SELECT FROM installation_webhooks i WHERE i.disabled_at IS NULL AND 'session.ended' = ANY (i.events)) THEN
    RETURN NULL;
  END IF;
  FOR one IN
    WITH ended AS (
      SELECT a.zone_id, a.id, a.root_id, a.client_id,
             row_number() OVER (PARTITION BY a.zone_id ORDER BY a.id) - 1 AS n, count(*) OVER (PARTITION BY a.zone_id) AS total
        FROM after_rows a JOIN before_rows b ON b.zone_id = a.zone_id AND b.id = a.id
       WHERE b.ended_at IS NULL AND a.ended_at IS NOT NULL
    )
    SELECT e.zone_id, e.n / many AS part, greatest(0, e.total - most) AS rest, (least(e.total, most) - 1) / many AS last,
           jsonb_agg(jsonb_build_object('id', e.id, 'root_id', e.root_id, 'client_id', e.client_id) ORDER BY e.n) AS sessions
      FROM ended e WHERE e.n < most GROUP BY e.zone_id, e.n / many, e.total ORDER BY e.zone_id, e.n / many
  LOOP
    PERFORM webhook_event_named(one.zone_id, 'session.ended', jsonb_build_object(
      'sessions', one.sessions, 'not_listed', CASE WHEN one.part = one.last THEN one.rest ELSE 0 END));
  END LOOP;
  RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER webhook_of_ended AFTER UPDATE ON sessions
  REFERENCING OLD TABLE AS before_rows NEW TABLE AS after_rows
  FOR EACH STATEMENT EXECUTE FUNCTION webhook_of_sessions();
