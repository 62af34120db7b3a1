-- The outbox: what is to be sent to webhooks, written in the transaction in which it happens.

-- Puts an event into the outbox of every webhook of the zone that wants it.
--
-- p_traceparent: the place in a trace of what it tells of; null for none.
CREATE OR REPLACE FUNCTION webhook_event_traced(p_zone uuid, p_type text, p_data jsonb, p_traceparent text)
RETURNS void LANGUAGE sql AS $$
  INSERT INTO webhook_deliveries (zone_id, id, webhook_id, event_type, traceparent, payload)
  SELECT p_zone, new_uuid_v7(), w.id, p_type, p_traceparent, jsonb_build_object(
           'type', p_type, 'data', p_data,
           'timestamp', to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))
    FROM webhooks w
   WHERE w.zone_id = p_zone AND w.disabled_at IS NULL
     AND (w.events = '{}' OR p_type = ANY (w.events))
$$;

-- The same of what nobody has traced.
CREATE OR REPLACE FUNCTION webhook_event(p_zone uuid, p_type text, p_data jsonb) RETURNS void LANGUAGE sql AS $$
  SELECT webhook_event_traced(p_zone, p_type, p_data, NULL)
$$;

-- Who receives what is sent to a URL: its scheme, host and port. Several webhooks may have the same.
CREATE OR REPLACE FUNCTION webhook_receiver(p_url text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT regexp_replace(lower(coalesce(substring(p_url FROM '^[A-Za-z]+://[^/?#]+'), p_url)),
                        '^(https://.*):443$|^(http://.*):80$', '\1\2')
$$;
