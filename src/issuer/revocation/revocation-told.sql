-- Who has been told of an order, by the ways in which verifiers and others learn of what was taken back.

-- The item of the feed that an order is about: its key.
-- p_target: as in revocation_orders.
CREATE OR REPLACE FUNCTION revocation_order_key(p_zone uuid, p_target jsonb) RETURNS bytea LANGUAGE plpgsql STABLE AS $$
DECLARE
  kind CONSTANT text := (SELECT k FROM jsonb_object_keys(p_target) AS k LIMIT 1);
BEGIN
  RETURN CASE kind
    WHEN 'jti' THEN revocation_key(p_zone, 'jti', p_target->>kind)
    WHEN 'session_id' THEN revocation_key(p_zone, 'session', p_target->>kind)
    WHEN 'root_session_id' THEN revocation_key(p_zone, 'session', p_target->>kind)
    WHEN 'agent_session_id' THEN revocation_key(p_zone, 'agent_session', p_target->>kind)
    WHEN 'delegation_edge_id' THEN revocation_key(p_zone, 'delegation_edge', p_target->>kind)
    WHEN 'client_id' THEN revocation_key(p_zone, 'client', p_target->>kind)
    WHEN 'resource' THEN revocation_key(p_zone, 'resource', p_target->>kind)
    WHEN 'issuer' THEN revocation_key(p_zone, 'issuer', p_target->>kind)
    WHEN 'kid' THEN revocation_key(p_zone, 'kid', p_target->>kind)
    WHEN 'zone' THEN revocation_key(p_zone, 'zone', p_zone::text)
    WHEN 'subject' THEN revocation_key(p_zone, 'subject',
      encode(subject_key(p_target->'subject'->>'iss', p_target->'subject'->>'sub'), 'hex'))
    WHEN 'policy_set_version_id' THEN revocation_key(p_zone, 'policy', (
      SELECT left(v.manifest_sha256, 12) FROM policy_set_versions v
       WHERE v.zone_id = p_zone AND v.id = (p_target->>kind)::uuid))
  END;
END $$;

-- committed_by: when the order was committed at the latest. Its item in the feed is given its place after that; where there is
--               none any more, or never was, since it was taken back before, it is p_margin after it was written.
-- in_feed:      whether all that was entered before the order has its place in the feed.
-- signals_out:  whether its events are on the streams.
-- receivers:    the clients of whose streams some are still to be received, with how many: {client: events}.
-- webhooks:     of its deliveries those that wait, were delivered and were given up: {waiting, delivered, dead}.
CREATE OR REPLACE FUNCTION revocation_told(p_zone uuid, p_order uuid, p_margin interval)
RETURNS TABLE (committed_by timestamptz, in_feed boolean, signals_out boolean, receivers jsonb, webhooks jsonb)
LANGUAGE plpgsql STABLE AS $$
DECLARE
  o revocation_orders;
BEGIN
  SELECT x.* INTO o FROM revocation_orders x WHERE x.zone_id = p_zone AND x.id = p_order;
  IF NOT FOUND THEN RETURN; END IF;
  committed_by := least(o.at + p_margin, (
    SELECT max(f.until) - revocation_matters() FROM revocation_feed f
     WHERE f.zone_id = p_zone AND f.key = revocation_order_key(p_zone, o.target)
       AND f.until - revocation_matters() >= o.at));
  in_feed := NOT EXISTS (SELECT FROM revocation_notices n WHERE n.zone_id = p_zone AND n.at <= o.at);
  signals_out := NOT EXISTS (SELECT FROM ssf_outbox s WHERE s.zone_id = p_zone AND s.order_id = p_order);
  receivers := coalesce((
    SELECT jsonb_object_agg(w.client_id, w.n) FROM (
      SELECT s.client_id, count(*) AS n FROM ssf_deliveries d
        JOIN ssf_streams s ON s.zone_id = d.zone_id AND s.id = d.stream_id
       WHERE d.zone_id = p_zone AND d.order_id = p_order GROUP BY s.client_id) AS w), '{}');
  SELECT jsonb_build_object(
           'waiting', count(*) FILTER (WHERE d.delivered_at IS NULL AND d.dead_at IS NULL),
           'delivered', count(*) FILTER (WHERE d.delivered_at IS NOT NULL),
           'dead', count(*) FILTER (WHERE d.dead_at IS NOT NULL))
    INTO webhooks
    FROM webhook_deliveries d
   WHERE d.zone_id = p_zone AND d.event_type = 'revocation.ordered'
     AND d.payload->'data'->>'order_id' = p_order::text
     AND d.id >= uuid_from_time(o.at - interval '1 minute') AND d.id < uuid_from_time(o.at + interval '1 minute')
     AND (d.webhook_id IS NOT NULL OR EXISTS (
       SELECT FROM installation_webhooks i WHERE i.id = d.installation_webhook_id AND i.removed_at IS NULL));
  RETURN NEXT;
END $$;
