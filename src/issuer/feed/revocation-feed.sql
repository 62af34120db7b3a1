-- The revocation feed: what was taken back, for those who verify mandates offline. Triggers enter a notice in the
-- transaction that takes back, however it is taken back: by a request, with a client or a zone, or in psql. Afterwards
-- notices are given their positions, one transaction of a zone after the other: so the positions of a zone are committed
-- in their order, and whoever has read up to one has missed nothing before it, however long a transaction was open.

-- How an item is named: SHA-256 of zone, kind and value, so that a verifier finds what is in its token, and nobody reads
-- subjects out of the feed (docs/revocation-feed.md).
CREATE OR REPLACE FUNCTION revocation_key(p_zone uuid, p_kind text, p_value text) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
  SELECT sha256(convert_to(p_zone::text || '|' || p_kind || '|' || p_value, 'UTF8'))
$$;

-- For how long an item matters: until the last mandate has expired that was issued before it, by any verifier's clock
-- (RETIREMENT_LAG in keys/rotation/key-schedule.ts). What is issued later is not concerned.
CREATE OR REPLACE FUNCTION revocation_matters() RETURNS interval LANGUAGE sql IMMUTABLE AS $$ SELECT interval '62 minutes' $$;

-- Whether what is named by items of a kind is an id that is kept with them: status lists are made from these
-- (issuer/status-lists/status-list-news.sql).
CREATE OR REPLACE FUNCTION revocation_names_id(p_kind text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT p_kind IN ('jti', 'session', 'agent_session', 'delegation_edge')
$$;

-- Enters a notice.
-- p_value: null if it is not an item itself, only what rests on it. p_gen: what is of a lower generation is taken back;
-- null: everything. The latest item of a key is what counts. p_below: what rests on this is to be found.
CREATE OR REPLACE FUNCTION revocation_notice(p_zone uuid, p_kind text, p_value text, p_gen integer, p_below uuid)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM revocation_notices n WHERE n.zone_id = p_zone) THEN PERFORM wake_job('revocation feed'); END IF;
  INSERT INTO revocation_notices (zone_id, kind, key, named_id, gen, below_id)
  VALUES (p_zone, p_kind, revocation_key(p_zone, p_kind, p_value),
          CASE WHEN revocation_names_id(p_kind) THEN p_value::uuid END, p_gen, p_below);
END $$;

-- Whether a zone is there, and not being removed: of one that is, the zone is the one item.
CREATE OR REPLACE FUNCTION revocation_zone_lives(p_zone uuid) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN EXISTS (SELECT FROM zones z WHERE z.id = p_zone AND z.removed_at IS NULL);
END $$;

-- Whether an item of the zone says of all that was made there in a generation that it is taken back: the zone was taken
-- back since, or is being removed. What goes with it is then no item of its own, however much it is.
CREATE OR REPLACE FUNCTION revocation_zone_covers(p_zone uuid, p_generation integer) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN NOT EXISTS (
    SELECT FROM zones z WHERE z.id = p_zone AND z.removed_at IS NULL AND z.generation <= p_generation);
END $$;

-- Whether the item of its client says so of all mandates under a session: that of an application as its own subject, which
-- all of them name. Those of a user's session need not name the user: its client may have what it gets for itself, or for
-- somebody else, rest on it (`session_id`). The generation was raised, and its item entered, before this asks.
CREATE OR REPLACE FUNCTION revocation_client_covers(s sessions) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN s.issuer IS NULL AND s.subject = s.client_id::text AND EXISTS (
    SELECT FROM clients c WHERE c.zone_id = s.zone_id AND c.id = s.client_id AND c.generation > s.client_generation);
END $$;

-- A mandate was revoked.
CREATE OR REPLACE FUNCTION revocation_notice_of_jti() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM revocation_notice(NEW.zone_id, 'jti', NEW.jti::text, NULL, NULL);
  RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER revocation_notice AFTER INSERT ON revocations
  FOR EACH ROW EXECUTE FUNCTION revocation_notice_of_jti();

-- A session was ended, or removed before that. It is no item if something larger is that says the same of all mandates
-- under it: the zone, or the application whose own it is; of the application the agent sessions are looked for that were
-- opened in it. Neither a client that is being removed nor the issuer of the user, taken back or gone, says it: what the
-- client has for itself may rest on the session (session_id), and names no user. Of the client they are looked for (below),
-- so one that goes meanwhile may be an item already.
CREATE OR REPLACE FUNCTION revocation_notice_of_session() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF revocation_zone_covers(OLD.zone_id, OLD.zone_generation) THEN RETURN NULL; END IF;
  IF TG_OP = 'DELETE' AND (OLD.expires_at <= clock_timestamp() OR EXISTS (
       SELECT FROM revocation_feed f
        WHERE f.zone_id = OLD.zone_id AND f.key = revocation_key(OLD.zone_id, 'session', OLD.id::text))) THEN
    RETURN NULL;
  END IF;
  IF NOT revocation_client_covers(OLD) THEN
    PERFORM revocation_notice(OLD.zone_id, 'session', OLD.id::text, NULL, OLD.id);
  ELSIF EXISTS (SELECT FROM agent_sessions a WHERE a.zone_id = OLD.zone_id AND a.session_id = OLD.id)
        OR EXISTS (SELECT FROM agent_sessions a WHERE a.zone_id = OLD.zone_id AND a.root_session_id = OLD.id
                                                  AND a.root_session_id <> a.session_id) THEN
    PERFORM revocation_notice(OLD.zone_id, 'session', NULL, NULL, OLD.id);
  END IF;
  RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER revocation_notice_of_ended AFTER UPDATE OF ended_at ON sessions FOR EACH ROW
  WHEN (OLD.ended_at IS NULL AND NEW.ended_at IS NOT NULL) EXECUTE FUNCTION revocation_notice_of_session();

CREATE OR REPLACE TRIGGER revocation_notice_of_removed AFTER DELETE ON sessions FOR EACH ROW
  WHEN (OLD.ended_at IS NULL) EXECUTE FUNCTION revocation_notice_of_session();

-- An agent session was ended, or removed before that.
CREATE OR REPLACE FUNCTION revocation_notice_of_agent_session() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' AND OLD.expires_at <= clock_timestamp() OR revocation_zone_covers(OLD.zone_id, OLD.zone_generation) THEN
    RETURN NULL;
  END IF;
  PERFORM revocation_notice(OLD.zone_id, 'agent_session', OLD.id::text, NULL, OLD.id);
  RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER revocation_notice_of_ended AFTER UPDATE OF ended_at ON agent_sessions FOR EACH ROW
  WHEN (OLD.ended_at IS NULL AND NEW.ended_at IS NOT NULL) EXECUTE FUNCTION revocation_notice_of_agent_session();

CREATE OR REPLACE TRIGGER revocation_notice_of_removed AFTER DELETE ON agent_sessions FOR EACH ROW
  WHEN (OLD.ended_at IS NULL) EXECUTE FUNCTION revocation_notice_of_agent_session();

-- An accepted delegation was revoked, or removed before that. Mandates name all delegations that they came by.
CREATE OR REPLACE FUNCTION revocation_notice_of_delegation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  -- It is of the generation of the agent session that it was given by; whether that is covered goes for both.
  IF TG_OP = 'DELETE' AND OLD.expires_at <= clock_timestamp() OR NOT revocation_zone_lives(OLD.zone_id) OR EXISTS (
       SELECT FROM agent_sessions a WHERE a.zone_id = OLD.zone_id AND a.id = OLD.source_id
                                      AND revocation_zone_covers(a.zone_id, a.zone_generation)) THEN
    RETURN NULL;
  END IF;
  PERFORM revocation_notice(OLD.zone_id, 'delegation_edge', OLD.id::text, NULL, NULL);
  RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER revocation_notice_of_ended AFTER UPDATE OF revoked_at ON delegation_edges FOR EACH ROW
  WHEN (OLD.accepted_at IS NOT NULL AND OLD.revoked_at IS NULL AND NEW.revoked_at IS NOT NULL)
  EXECUTE FUNCTION revocation_notice_of_delegation();

CREATE OR REPLACE TRIGGER revocation_notice_of_removed AFTER DELETE ON delegation_edges FOR EACH ROW
  WHEN (OLD.accepted_at IS NOT NULL AND OLD.revoked_at IS NULL) EXECUTE FUNCTION revocation_notice_of_delegation();

-- A client was disabled, enabled again, taken back or removed: one item, however many sessions it has. Mandates that others
-- have exchanged under a session of a user that it opened do not all name it: of a client that is taken back or removed
-- such sessions are looked for.
CREATE OR REPLACE FUNCTION revocation_notice_of_client() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT revocation_zone_lives(OLD.zone_id) THEN RETURN NULL; END IF;
  IF TG_OP = 'DELETE' THEN
    PERFORM revocation_notice(OLD.zone_id, 'client', OLD.id::text, NULL, NULL);
  ELSE
    PERFORM revocation_notice(NEW.zone_id, 'client', NEW.id::text,
      CASE WHEN NEW.disabled_at IS NULL AND NEW.removed_at IS NULL THEN NEW.generation END,
      CASE WHEN OLD.removed_at IS NULL AND NEW.removed_at IS NOT NULL OR OLD.generation <> NEW.generation THEN NEW.id END);
  END IF;
  RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER revocation_notice_of_changed AFTER UPDATE ON clients FOR EACH ROW
  WHEN (OLD.generation <> NEW.generation OR (OLD.disabled_at IS NULL) <> (NEW.disabled_at IS NULL)
        OR OLD.removed_at IS NULL AND NEW.removed_at IS NOT NULL)
  EXECUTE FUNCTION revocation_notice_of_client();

CREATE OR REPLACE TRIGGER revocation_notice_of_removed AFTER DELETE ON clients FOR EACH ROW
  WHEN (OLD.removed_at IS NULL) EXECUTE FUNCTION revocation_notice_of_client();

-- A workload is its client no more: the sessions that its tokens opened are not marked, and are dead.
CREATE OR REPLACE FUNCTION revocation_notice_of_workload() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF revocation_zone_lives(OLD.zone_id) THEN
    PERFORM revocation_notice(OLD.zone_id, 'federated_identity', NULL, NULL, OLD.id);
  END IF;
  RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER revocation_notice_of_removed AFTER DELETE ON federated_identities
  FOR EACH ROW EXECUTE FUNCTION revocation_notice_of_workload();

-- An issuer was taken back, or is trusted no more. That it is not is remembered as a generation, in which the issuer goes
-- on if it is trusted again (generation_goes_on): what was issued for its subjects before is of a lower one, and stays dead.
CREATE OR REPLACE FUNCTION revocation_notice_of_issuer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT revocation_zone_lives(OLD.zone_id) THEN RETURN NULL; END IF;
  IF TG_OP = 'DELETE' THEN
    -- Its users may show the tokens that they have, once it is trusted again.
    INSERT INTO generations AS g (zone_id, kind, key_hash, gen, not_before)
    VALUES (OLD.zone_id, 'issuer', generation_key(OLD.issuer), OLD.generation + 1, to_timestamp(0))
    ON CONFLICT (zone_id, kind, key_hash) DO UPDATE SET gen = greatest(g.gen, EXCLUDED.gen);
    PERFORM revocation_notice(OLD.zone_id, 'issuer', OLD.issuer, OLD.generation + 1, OLD.id);
  ELSE
    PERFORM revocation_notice(NEW.zone_id, 'issuer', NEW.issuer, NEW.generation, NULL);
  END IF;
  RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER revocation_notice_of_changed AFTER UPDATE ON trusted_issuers FOR EACH ROW
  WHEN (OLD.generation <> NEW.generation) EXECUTE FUNCTION revocation_notice_of_issuer();

CREATE OR REPLACE TRIGGER revocation_notice_of_removed AFTER DELETE ON trusted_issuers
  FOR EACH ROW EXECUTE FUNCTION revocation_notice_of_issuer();

-- All mandates for a resource were taken back.
CREATE OR REPLACE FUNCTION revocation_notice_of_resource() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM revocation_notice(NEW.zone_id, 'resource', NEW.identifier, NEW.generation, NULL);
  RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER revocation_notice_of_changed AFTER UPDATE ON resources FOR EACH ROW
  WHEN (OLD.generation <> NEW.generation) EXECUTE FUNCTION revocation_notice_of_resource();

-- A subject was taken back. The value is the digest that is stored of it, in hex: this is all that is known here.
CREATE OR REPLACE FUNCTION revocation_notice_of_subject() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM revocation_notice(NEW.zone_id, 'subject', encode(NEW.key_hash, 'hex'), NEW.gen, NULL);
  RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER revocation_notice_of_changed AFTER INSERT OR UPDATE ON generations FOR EACH ROW
  WHEN (NEW.kind = 'subject') EXECUTE FUNCTION revocation_notice_of_subject();

-- What a policy set has allowed was taken back.
CREATE OR REPLACE FUNCTION revocation_notice_of_policy() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM revocation_notice(NEW.zone_id, 'policy', NEW.pol, NULL, NULL);
  RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER revocation_notice_of_withdrawn AFTER INSERT OR UPDATE ON withdrawn_policies
  FOR EACH ROW EXECUTE FUNCTION revocation_notice_of_policy();

-- A signing key was withdrawn.
CREATE OR REPLACE FUNCTION revocation_notice_of_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM revocation_notice(NEW.zone_id, 'kid', NEW.kid, NULL, NULL);
  RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER revocation_notice_of_withdrawn AFTER UPDATE OF compromised_at ON signing_keys FOR EACH ROW
  WHEN (OLD.compromised_at IS NULL AND NEW.compromised_at IS NOT NULL) EXECUTE FUNCTION revocation_notice_of_key();

-- All that a zone has issued was taken back, or the zone is gone.
CREATE OR REPLACE FUNCTION revocation_notice_of_zone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    PERFORM revocation_notice(OLD.id, 'zone', OLD.id::text, NULL, NULL);
  ELSE
    PERFORM revocation_notice(NEW.id, 'zone', NEW.id::text, CASE WHEN NEW.removed_at IS NULL THEN NEW.generation END, NULL);
  END IF;
  RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER revocation_notice_of_changed AFTER UPDATE ON zones FOR EACH ROW
  WHEN (OLD.generation <> NEW.generation OR OLD.removed_at IS NULL AND NEW.removed_at IS NOT NULL)
  EXECUTE FUNCTION revocation_notice_of_zone();

CREATE OR REPLACE TRIGGER revocation_notice_of_removed AFTER DELETE ON zones FOR EACH ROW
  WHEN (OLD.removed_at IS NULL) EXECUTE FUNCTION revocation_notice_of_zone();

-- What is dead with something, has no mark of its own, and is what mandates name: agent sessions with a session or an
-- agent session above them, sessions with a workload, those of users and agent sessions with a client that is removed or
-- taken back, workloads with their issuer. The newest first, with ids below p_before.
-- Returns at most p_most rows of what was looked at; an item is one of them if its kind is not null.
CREATE OR REPLACE FUNCTION revocation_below(p_zone uuid, p_kind text, p_id uuid, p_before uuid, p_most integer)
RETURNS TABLE (kind text, id uuid) LANGUAGE plpgsql STABLE AS $$
BEGIN
  IF p_kind = 'issuer' THEN
    RETURN QUERY SELECT 'federated_identity', f.id FROM federated_identities f
      WHERE f.zone_id = p_zone AND f.issuer_id = p_id AND f.id < p_before ORDER BY f.id DESC LIMIT p_most;
    RETURN;
  END IF;
  RETURN QUERY
    SELECT CASE r.kind
             WHEN 'agent_session' THEN
               CASE WHEN p_kind <> 'client' OR NOT agent_session_live(p_zone, r.id) THEN r.kind END
             WHEN 'session' THEN
               CASE WHEN NOT EXISTS (SELECT FROM session_alive(p_zone, r.id)) AND EXISTS (
                      SELECT FROM sessions s
                       WHERE s.zone_id = p_zone AND s.id = r.id AND s.expires_at > clock_timestamp()
                         AND (p_kind <> 'client' OR s.issuer IS NOT NULL)) THEN r.kind END
           END, r.id
      FROM rests_on(p_zone, p_kind, p_id, p_before, p_most) AS r;
END $$;

-- Gives the notices of a zone their positions, some of them. Of several for one key the last counts; those of one key are
-- entered in the order of their transactions, since these wait for one another at the row that they are about. What rests on
-- something was taken back when that was: an order has not been told to the feed before (revocation_told).
-- Returns whether there may be more. Called by one transaction at a time for a zone (revocation_feed_advance_one).
-- What rests on something looks costly to PostgreSQL, which would compile it for longer than it takes.
CREATE OR REPLACE FUNCTION revocation_feed_advance_zone(p_zone uuid, p_most integer) RETURNS boolean LANGUAGE plpgsql
  SET plan_cache_mode = force_generic_plan SET jit = off AS $$
DECLARE
  taken CONSTANT bigint[] := ARRAY(
    SELECT n.id FROM revocation_notices n WHERE n.zone_id = p_zone ORDER BY n.id LIMIT p_most);
  more  boolean := cardinality(taken) = p_most;
  one   revocation_notices;
  looked record;
BEGIN
  IF cardinality(taken) = 0 THEN RETURN false; END IF;
  DELETE FROM revocation_feed f
   WHERE f.zone_id = p_zone AND f.key IN (
     SELECT n.key FROM revocation_notices n WHERE n.zone_id = p_zone AND n.id = ANY (taken));
  INSERT INTO revocation_feed (zone_id, position, at, until, kind, key, gen, named_id)
  SELECT p_zone, nextval('revocation_feed_positions'), l.at, clock_timestamp() + revocation_matters(), l.kind, l.key, l.gen,
         l.named_id
    FROM (SELECT * FROM (
            SELECT DISTINCT ON (n.key) n.* FROM revocation_notices n
             WHERE n.zone_id = p_zone AND n.id = ANY (taken) AND n.key IS NOT NULL
             ORDER BY n.key, n.id DESC) AS latest
           ORDER BY id) AS l;
  IF FOUND THEN PERFORM pg_notify('mandate_revocation_feed', p_zone::text); END IF;
  FOR one IN SELECT n.* FROM revocation_notices n
              WHERE n.zone_id = p_zone AND n.id = ANY (taken) AND n.below_id IS NOT NULL ORDER BY n.id
  LOOP
    WITH below AS MATERIALIZED (
      SELECT b.kind, b.id FROM revocation_below(p_zone, one.kind, one.below_id,
        coalesce(one.below_until, 'ffffffff-ffff-ffff-ffff-ffffffffffff'), p_most) AS b
    ), entered AS (
      INSERT INTO revocation_notices (zone_id, kind, key, named_id, below_id, at)
      SELECT p_zone, b.kind, CASE WHEN b.kind <> 'federated_identity' THEN revocation_key(p_zone, b.kind, b.id::text) END,
             CASE WHEN revocation_names_id(b.kind) THEN b.id END, b.id, one.at
        FROM (SELECT DISTINCT * FROM below) AS b WHERE b.kind IS NOT NULL
    )
    SELECT count(*) AS many, (array_agg(b.id ORDER BY b.id))[1] AS until INTO looked FROM below b;
    IF looked.many > 0 THEN more := true; END IF;
    IF looked.many = p_most THEN
      INSERT INTO revocation_notices (zone_id, kind, below_id, below_until, at)
      VALUES (p_zone, one.kind, one.below_id, looked.until, one.at);
    END IF;
  END LOOP;
  DELETE FROM revocation_notices n WHERE n.zone_id = p_zone AND n.id = ANY (taken);
  RETURN more;
END $$;

-- Gives notices of a zone their positions, none if another replica is at it. The lock is held until what was numbered is
-- committed, and the numbers are drawn under it, from a sequence that no connection keeps numbers of: so a lower one is
-- never committed after a higher one. Returns whether there may be more that can be done now.
CREATE OR REPLACE FUNCTION revocation_feed_advance_one(p_zone uuid, p_most integer) RETURNS boolean LANGUAGE plpgsql
  SET lock_timeout = '300ms' AS $$
BEGIN
  IF NOT pg_try_advisory_xact_lock(hashtextextended('revocation feed of ' || p_zone, 0)) THEN RETURN false; END IF;
  RETURN revocation_feed_advance_zone(p_zone, p_most);
END $$;

-- The same for several zones in one transaction, as the version before has it.
-- p_after: the zone after which to begin. Returns the zones that were looked at, and whether there may be more in each.
CREATE OR REPLACE FUNCTION revocation_feed_advance(p_after uuid, p_zones integer, p_most integer)
RETURNS TABLE (zone uuid, more boolean) LANGUAGE plpgsql AS $$
DECLARE
  next uuid := p_after;
BEGIN
  FOR i IN 1..p_zones LOOP
    SELECT n.zone_id INTO next FROM revocation_notices n WHERE n.zone_id > next ORDER BY n.zone_id LIMIT 1;
    EXIT WHEN NOT FOUND;
    zone := next;
    more := pg_try_advisory_xact_lock(hashtextextended('revocation feed of ' || next, 0));
    IF more THEN more := revocation_feed_advance_zone(next, p_most); END IF;
    RETURN NEXT;
  END LOOP;
END $$;
