-- The outbox: what is to be sent to webhooks, written in the transaction in which it happens.

-- The webhooks that are told of what happens in a zone: its own, and those of the installation that are for it.
CREATE OR REPLACE FUNCTION webhooks_told(p_zone uuid)
RETURNS TABLE (webhook_id uuid, installation_webhook_id uuid, events text[]) LANGUAGE sql STABLE AS $$
  SELECT w.id, NULL::uuid, w.events FROM webhooks w WHERE w.zone_id = p_zone AND w.disabled_at IS NULL
   UNION ALL
  SELECT NULL::uuid, i.id, i.events FROM installation_webhooks i
   WHERE i.disabled_at IS NULL AND i.removed_at IS NULL
     AND (i.all_zones OR EXISTS (
       SELECT FROM installation_webhook_zones z WHERE z.zone_id = p_zone AND z.webhook_id = i.id))
$$;

-- Puts an event into the outbox of every webhook that is told of the zone and wants it. It is kept planned for each connection:
-- a challenge is opened in a batch that others wait for.
--
-- p_traceparent: the place in a trace of what it tells of; null for none.
CREATE OR REPLACE FUNCTION webhook_event_traced(p_zone uuid, p_type text, p_data jsonb, p_traceparent text)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO webhook_deliveries (zone_id, id, webhook_id, installation_webhook_id, event_type, traceparent, payload)
  SELECT p_zone, new_uuid_v7(), w.webhook_id, w.installation_webhook_id, p_type, p_traceparent, jsonb_build_object(
           'type', p_type, 'data', p_data,
           'timestamp', to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))
    FROM webhooks_told(p_zone) w
   WHERE w.events = '{}' OR p_type = ANY (w.events);
END $$;

-- The same of what nobody has traced.
CREATE OR REPLACE FUNCTION webhook_event(p_zone uuid, p_type text, p_data jsonb) RETURNS void LANGUAGE sql AS $$
  SELECT webhook_event_traced(p_zone, p_type, p_data, NULL)
$$;

-- Who receives what is sent to a URL: its scheme, host and port. Several webhooks may have the same.
CREATE OR REPLACE FUNCTION webhook_receiver(p_url text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT regexp_replace(lower(coalesce(substring(p_url FROM '^[A-Za-z]+://[^/?#]+'), p_url)),
                        '^(https://.*):443$|^(http://.*):80$', '\1\2')
$$;
