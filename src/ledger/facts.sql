-- What the entries of a batch rest on, asked of all facts of a kind at once, and of kinds that come together in one
-- statement: to begin a statement costs more than many look-ups in it.
-- A kind is added here, and in written-entry.ts, which says how it is sent. What an entry was evaluated on is a fact as
-- well, of which nothing is refused when it has moved: the entry is stale.

-- The questions of a batch of which the answer is no, by their place. They are given by columns, each with its zone; what
-- is spent is looked at where it is spent (ledger_spend_nonces, ledger_decide_rare). OFFSET 0 has each looked up by itself:
-- the plan of a join that is made where there is little may begin with all that there is, and is kept.
CREATE OR REPLACE FUNCTION ledger_facts_moved(p_zones uuid[], p_kinds text[], p_ids uuid[], p_details text[])
RETURNS integer[] LANGUAGE plpgsql AS $$
DECLARE
  moved    integer[] := '{}';
  -- Between which all sessions and mandates are that are asked for: to open a table for each day costs as much as all look-ups.
  sessions uuid[] := '{}';
  jtis     uuid[] := '{}';
BEGIN
  -- A kind that is not known here would hold.
  IF NOT p_kinds <@ '{settings_version,client_version,labels,graph,absent_client,clock_agrees,session_live,token_not_revoked,
                      nonce_unspent,agency_live,agent_session_live,delegation_live,delegation_unspent,challenge_satisfied,
                      challenge_allowed,generation_current}' THEN
    RAISE EXCEPTION 'unknown fact among %', p_kinds;
  END IF;
  IF p_kinds && '{settings_version,client_version,clock_agrees}' THEN
    -- The version of a client is null for one that was not there.
    moved := ARRAY(
      SELECT f.place::integer
        FROM unnest(p_kinds, p_zones, p_ids, p_details) WITH ORDINALITY AS f (kind, zone, id, details, place)
       WHERE CASE f.kind
               WHEN 'settings_version' THEN
                 (SELECT z.settings_version::text FROM zones z WHERE z.id = f.zone) IS DISTINCT FROM f.details
               WHEN 'client_version' THEN
                 (SELECT c.version::text FROM clients c WHERE c.zone_id IS NOT DISTINCT FROM f.zone AND c.id = f.id)
                   IS DISTINCT FROM f.details
               WHEN 'clock_agrees' THEN
                 abs(extract(epoch FROM clock_timestamp()) - split_part(f.details, ' ', 1)::numeric)
                   > split_part(f.details, ' ', 2)::numeric
             END);
  END IF;
  IF p_kinds && '{session_live,token_not_revoked}' THEN
    FOR i IN 1..cardinality(p_kinds) LOOP
      IF p_kinds[i] = 'session_live' THEN
        sessions := ARRAY[least(sessions[1], p_ids[i]), greatest(sessions[2], p_ids[i])];
      ELSIF p_kinds[i] = 'token_not_revoked' THEN
        jtis := ARRAY[least(jtis[1], p_ids[i]), greatest(jtis[2], p_ids[i])];
      END IF;
    END LOOP;
    moved := moved || ARRAY(
      SELECT f.place::integer FROM unnest(p_kinds, p_zones, p_ids) WITH ORDINALITY AS f (kind, zone, id, place)
       WHERE CASE f.kind
               WHEN 'session_live' THEN (
                 SELECT s.id FROM session_alive_between(f.zone, f.id, sessions[1], sessions[2]) AS s (id)) IS NULL
               WHEN 'token_not_revoked' THEN (
                 SELECT r.jti FROM revocations r
                  WHERE r.zone_id = f.zone AND r.jti = f.id AND r.jti BETWEEN jtis[1] AND jtis[2]) IS NOT NULL
             END);
  END IF;
  IF 'labels' = ANY (p_kinds) THEN
    moved := moved || ARRAY(
      SELECT f.place::integer FROM unnest(p_kinds, p_zones, p_details) WITH ORDINALITY AS f (kind, zone, details, place)
       WHERE CASE WHEN f.kind = 'labels' THEN NOT clients_are(f.zone, NULL, f.details::jsonb) END);
  END IF;
  IF 'absent_client' = ANY (p_kinds) THEN
    moved := moved || ARRAY(
      SELECT f.place::integer FROM unnest(p_kinds, p_ids) WITH ORDINALITY AS f (kind, id, place)
       WHERE f.kind = 'absent_client' AND EXISTS (
         SELECT FROM clients c JOIN zones z ON z.id = c.zone_id WHERE c.id = f.id AND z.removed_at IS NULL OFFSET 0));
  END IF;
  IF 'generation_current' = ANY (p_kinds) THEN
    -- Of a subject: the generations of all else are of a version that is compared.
    moved := moved || ARRAY(
      SELECT f.place::integer FROM unnest(p_kinds, p_zones, p_details) WITH ORDINALITY AS f (kind, zone, details, place)
       WHERE CASE WHEN f.kind = 'generation_current' THEN
               subject_generation(f.zone, decode(split_part(f.details, ' ', 1), 'hex'))
                 <> split_part(f.details, ' ', 2)::integer END);
  END IF;
  IF 'graph' = ANY (p_kinds) THEN
    moved := moved || ARRAY(
      SELECT f.place::integer FROM unnest(p_kinds, p_zones, p_details) WITH ORDINALITY AS f (kind, zone, details, place)
       WHERE CASE WHEN f.kind = 'graph' THEN NOT graph_unchanged(f.zone, f.details::jsonb) END);
  END IF;
  IF 'agency_live' = ANY (p_kinds) THEN
    moved := moved || ARRAY(
      SELECT f.place::integer FROM unnest(p_kinds, p_zones, p_details) WITH ORDINALITY AS f (kind, zone, details, place)
       WHERE CASE WHEN f.kind = 'agency_live' THEN NOT agency_live(f.zone,
               split_part(f.details, ' ', 1)::double precision,
               string_to_array(split_part(f.details, ' ', 2), ',')::uuid[],
               string_to_array(split_part(f.details, ' ', 3), ',')::uuid[]) END);
  END IF;
  IF 'agent_session_live' = ANY (p_kinds) THEN
    moved := moved || ARRAY(
      SELECT f.place::integer FROM unnest(p_kinds, p_zones, p_ids) WITH ORDINALITY AS f (kind, zone, id, place)
       WHERE CASE WHEN f.kind = 'agent_session_live' THEN NOT agent_session_live(f.zone, f.id) END);
  END IF;
  IF 'delegation_live' = ANY (p_kinds) THEN
    moved := moved || ARRAY(
      SELECT f.place::integer
        FROM unnest(p_kinds, p_zones, p_ids, p_details) WITH ORDINALITY AS f (kind, zone, id, details, place)
       WHERE CASE WHEN f.kind = 'delegation_live' THEN NOT delegation_live(f.zone, f.id, f.details::jsonb) END);
  END IF;
  RETURN moved;
END $$;

-- Whether a fact is spent under locks, and looked at one by one: budgets and challenges.
CREATE OR REPLACE FUNCTION ledger_is_rare(p_kind text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT p_kind IN ('delegation_unspent', 'challenge_satisfied', 'challenge_allowed')
$$;

-- The advisory lock of a nonce, as ledger_keys has it.
CREATE OR REPLACE FUNCTION ledger_nonce_key(p_zone uuid, p_details text) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
  SELECT hashtextextended(
    p_zone::text || ' ' || split_part(p_details, ' ', 1) || ' ' || split_part(p_details, ' ', 2), 0)
$$;

-- Seconds within which two requests of a gateway are not signed with one id: as long as a signature is taken before and
-- after its time, together (SKEW in authentication/gateway-signature.ts). It is about what was signed, and so no clock of
-- ours: the twin of a request has its timestamp, on whichever replica.
CREATE OR REPLACE FUNCTION ledger_replay_seconds() RETURNS bigint LANGUAGE sql IMMUTABLE AS $$ SELECT 120::bigint $$;

-- Spends the nonces of a batch, given by columns. Returns the places of those that were spent before, or further up. A
-- twin that is being spent elsewhere is waited for.
--
-- One with the time at which it was signed, as fourth word, may be spent again with a later one. Its row keeps the
-- latest, so none that was signed before can come after it. Within ten minutes of midnight, more than clocks differ, the days
-- beside are looked into as well, under the lock of the nonce (ledger_nonce_key), which is taken before this is called.
CREATE OR REPLACE FUNCTION ledger_spend_nonces(p_zones uuid[], p_kinds text[], p_details text[], p_wanted boolean[])
RETURNS integer[] LANGUAGE plpgsql AS $$
DECLARE
  spent integer[];
BEGIN
  WITH nonces AS MATERIALIZED (
    SELECT f.place, f.zone, split_part(f.details, ' ', 1) AS purpose, split_part(f.details, ' ', 2) AS nonce,
           split_part(f.details, ' ', 3)::date AS day, nullif(split_part(f.details, ' ', 4), '')::bigint AS signed_at,
           row_number() OVER (PARTITION BY f.zone, split_part(f.details, ' ', 1), split_part(f.details, ' ', 2)
                              ORDER BY f.place) AS nth
      FROM unnest(p_kinds, p_zones, p_details, p_wanted) WITH ORDINALITY AS f (kind, zone, details, wanted, place)
     WHERE f.kind = 'nonce_unspent' AND f.wanted
  ), stored AS (
    INSERT INTO spent_nonces AS before (zone_id, purpose, nonce, day, signed_at)
    SELECT n.zone, n.purpose, n.nonce, n.day, n.signed_at FROM nonces n
     WHERE n.nth = 1
       AND NOT coalesce(abs(n.signed_at % 86400 - 43200) >= 43200 - 600 AND EXISTS (
         SELECT FROM spent_nonces b
          WHERE b.zone_id = n.zone AND b.purpose = n.purpose AND b.nonce = n.nonce AND b.day IN (n.day - 1, n.day + 1)
            AND b.signed_at >= n.signed_at - ledger_replay_seconds()), false)
    ON CONFLICT (zone_id, purpose, nonce, day) DO UPDATE SET signed_at = EXCLUDED.signed_at
      WHERE EXCLUDED.signed_at > before.signed_at + ledger_replay_seconds()
    RETURNING before.zone_id, before.purpose, before.nonce, before.day
  )
  SELECT coalesce(array_agg(n.place::integer), '{}') INTO spent FROM nonces n
   WHERE n.nth > 1 OR NOT EXISTS (
     SELECT FROM stored s WHERE (s.zone_id, s.purpose, s.nonce, s.day) = (n.zone, n.purpose, n.nonce, n.day));
  RETURN spent;
END $$;
