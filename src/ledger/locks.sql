-- What entries need to be theirs until they are committed, which is taken before they are checked. A batch never waits
-- for a row: an entry of which somebody else holds something goes away, and no other entry notices.

-- The advisory locks of what one fact says may be spent or opened. Only batches take them, so they are free as soon
-- as the batch that holds them is committed.
CREATE OR REPLACE FUNCTION ledger_keys(p_zone uuid, p_fact jsonb) RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
  names text[];
BEGIN
  CASE p_fact->>'kind'
    WHEN 'nonce_unspent' THEN
      names := ARRAY[concat_ws(' ', p_fact->>'purpose', p_fact->>'nonce')];
    WHEN 'challenge_satisfied' THEN
      names := ARRAY['challenge ' || (p_fact->>'id')];
    WHEN 'challenge_allowed' THEN
      -- Two limits, two locks.
      names := ARRAY['challenges of client ' || (p_fact->>'client_id'), 'challenges of subject ' || (p_fact->>'subject')];
    WHEN 'delegation_unspent' THEN
      names := ARRAY(SELECT 'budget ' || budget FROM unnest(delegation_budgets(p_zone, (p_fact->>'id')::uuid)) AS budget);
    ELSE
      RETURN '{}';
  END CASE;
  RETURN ARRAY(SELECT hashtextextended(p_zone || ' ' || name, 0) FROM unnest(names) AS name);
END $$;

-- Waits for every other batch that spends or opens the same, in one order for all batches: those that took
-- what they need as it comes would wait for each other.
CREATE OR REPLACE FUNCTION ledger_lock(p_entries jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(wanted.key) FROM (
    SELECT DISTINCT key
      FROM jsonb_array_elements(p_entries) AS entry
      CROSS JOIN LATERAL jsonb_array_elements(entry->'facts') AS fact
      CROSS JOIN LATERAL unnest(ledger_keys((entry->>'zone_id')::uuid, fact)) AS key
     ORDER BY key) AS wanted;
END $$;

-- Takes the webhooks of a zone, which are told of challenges. False if somebody else holds one; nobody is waited for.
CREATE OR REPLACE FUNCTION webhooks_take(p_zone uuid) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  wanted CONSTANT uuid[] := ARRAY(SELECT w.id FROM webhooks w WHERE w.zone_id = p_zone AND w.disabled_at IS NULL);
  taken  integer;
BEGIN
  PERFORM FROM webhooks w WHERE w.zone_id = p_zone AND w.id = ANY (wanted) FOR KEY SHARE SKIP LOCKED;
  GET DIAGNOSTICS taken = ROW_COUNT;
  RETURN taken = cardinality(wanted);
END $$;

-- Takes what one fact says may be spent or opened. False if somebody else holds some of it; nobody is waited for.
CREATE OR REPLACE FUNCTION ledger_take_fact(p_zone uuid, p_fact jsonb) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  challenge CONSTANT uuid := CASE p_fact->>'kind' WHEN 'challenge_satisfied' THEN (p_fact->>'id')::uuid END;
BEGIN
  IF EXISTS (SELECT FROM unnest(ledger_keys(p_zone, p_fact)) AS key WHERE NOT pg_try_advisory_xact_lock(key)) THEN
    RETURN false;
  END IF;
  CASE p_fact->>'kind'
    WHEN 'delegation_unspent' THEN
      RETURN delegation_take(p_zone, (p_fact->>'id')::uuid);
    WHEN 'challenge_satisfied' THEN
      PERFORM FROM challenges c
        WHERE c.zone_id IS NOT DISTINCT FROM p_zone AND c.id = challenge FOR NO KEY UPDATE SKIP LOCKED;
      IF NOT FOUND AND EXISTS (
           SELECT FROM challenges c WHERE c.zone_id IS NOT DISTINCT FROM p_zone AND c.id = challenge) THEN
        RETURN false;
      END IF;
      RETURN webhooks_take(p_zone);
    WHEN 'challenge_allowed' THEN
      RETURN webhooks_take(p_zone);
    ELSE
      RETURN true;
  END CASE;
END $$;

-- Takes everything that one entry writes to, refers to or rests on. False if somebody else holds some of it, such as
-- an operator who removes its client, or a batch that spends the same; nobody is waited for.
CREATE OR REPLACE FUNCTION ledger_take(p_entry jsonb) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  zone    CONSTANT uuid := (p_entry->>'zone_id')::uuid;
  client  CONSTANT uuid := coalesce(p_entry->'session'->>'client_id', p_entry->'challenge'->>'client_id')::uuid;
  session CONSTANT uuid := (p_entry->'proof'->>'session_id')::uuid;
  fact    jsonb;
BEGIN
  FOR fact IN SELECT x.value FROM jsonb_array_elements(p_entry->'facts') AS x
               WHERE x.value->>'kind' IN ('nonce_unspent', 'challenge_satisfied', 'challenge_allowed', 'delegation_unspent')
  LOOP
    IF NOT ledger_take_fact(zone, fact) THEN RETURN false; END IF;
  END LOOP;
  IF client IS NOT NULL THEN
    PERFORM FROM clients c WHERE c.zone_id IS NOT DISTINCT FROM zone AND c.id = client FOR KEY SHARE SKIP LOCKED;
    IF NOT FOUND AND EXISTS (SELECT FROM clients c WHERE c.zone_id = zone AND c.id = client) THEN RETURN false; END IF;
  END IF;
  IF session IS NOT NULL THEN
    PERFORM FROM sessions s WHERE s.zone_id = zone AND s.id = session FOR NO KEY UPDATE SKIP LOCKED;
    IF NOT FOUND AND EXISTS (SELECT FROM sessions s WHERE s.zone_id = zone AND s.id = session) THEN RETURN false; END IF;
  END IF;
  IF p_entry ? 'challenge' THEN
    PERFORM FROM zones z WHERE z.id = zone FOR KEY SHARE SKIP LOCKED;
    IF NOT FOUND AND EXISTS (SELECT FROM zones z WHERE z.id = zone) THEN RETURN false; END IF;
  END IF;
  IF NOT ledger_enter_clients(zone, p_entry) THEN RETURN false; END IF;
  RETURN NOT (p_entry ?| '{zone_version,settings_version,clients}' OR p_entry->'facts' <> '[]') OR ledger_enter(zone);
END $$;
