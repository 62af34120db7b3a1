-- Generations: what counts how often a zone, a client, a subject, a resource or an issuer was taken back. Mandates,
-- sessions and agent sessions carry those that they were made in, and are dead by a comparison: there is no time in it,
-- and nothing to go through, however much is taken back at once.
--
-- Where they are kept says by what they reach what is being evaluated: those of zones, resources and issuers with a
-- version of the zone's settings, that of a client with a version of the client, and both close the gate of what was
-- checked before (gate.sql). A subject has no row of its own: its generation is in `generations`, and is a fact of the
-- commit (facts.sql), in zones where a subject was ever taken back.

-- The key of what is named, in `generations`.
CREATE OR REPLACE FUNCTION generation_key(p_name text) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
  SELECT sha256(convert_to(p_name, 'UTF8'))
$$;

-- The key of a subject: its issuer, empty for a name of ours, and its name, which has no line break (subjectName in
-- mandates/generations.ts).
CREATE OR REPLACE FUNCTION subject_key(p_issuer text, p_subject text) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
  SELECT sha256(convert_to(coalesce(p_issuer, '') || E'\n' || p_subject, 'UTF8'))
$$;

-- The generation of a subject: 0 for one that was never taken back.
CREATE OR REPLACE FUNCTION subject_generation(p_zone uuid, p_key bytea) RETURNS integer LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN coalesce(
    (SELECT g.gen FROM generations g WHERE g.zone_id = p_zone AND g.kind = 'subject' AND g.key_hash = p_key), 0);
END $$;

-- When something was taken back last, in milliseconds since the epoch; null if it never was.
CREATE OR REPLACE FUNCTION taken_back_at(p_zone uuid, p_kind text, p_name text) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN (SELECT milliseconds(g.not_before) FROM generations g
           WHERE g.zone_id = p_zone AND g.kind = p_kind AND g.key_hash = generation_key(p_name));
END $$;

-- Takes something back: raises its generation by one. Mandates, sessions and agent sessions of a lower one are not
-- honoured by what is checked after this transaction is committed, and nothing of a lower one is committed after it.
--
-- p_kind: zone, client, subject, resource or issuer.
-- p_name: the id of the zone or the client, the identifier of the resource, the `iss` of the issuer; of a subject its
--         issuer (nothing for a name of ours), a line feed and its name: E'https://idp.example\nalice'. An application as a
--         subject is its client.
-- Returns the generation that counts from now on; null if there is no such thing. A subject need not be known.
CREATE OR REPLACE FUNCTION raise_generation(p_zone uuid, p_kind text, p_name text) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
  raised integer;
BEGIN
  CASE p_kind
    WHEN 'zone' THEN
      UPDATE zones z SET generation = z.generation + 1
       WHERE z.id = p_zone AND z.id::text = p_name AND z.removed_at IS NULL RETURNING z.generation INTO raised;
    WHEN 'client' THEN
      UPDATE clients c SET generation = c.generation + 1
       WHERE c.zone_id = p_zone AND c.id::text = p_name RETURNING c.generation INTO raised;
    WHEN 'resource' THEN
      UPDATE resources r SET generation = r.generation + 1
       WHERE r.zone_id = p_zone AND r.identifier = p_name RETURNING r.generation INTO raised;
    WHEN 'issuer' THEN
      UPDATE trusted_issuers i SET generation = i.generation + 1
       WHERE i.zone_id = p_zone AND i.issuer = p_name RETURNING i.generation INTO raised;
    WHEN 'subject' THEN
      INSERT INTO generations AS g (zone_id, kind, key_hash, gen) VALUES (p_zone, p_kind, generation_key(p_name), 1)
        ON CONFLICT (zone_id, kind, key_hash) DO UPDATE SET gen = g.gen + 1, not_before = clock_timestamp()
        RETURNING g.gen INTO raised;
      -- From now on commits in this zone ask about subjects; those that were evaluated without are evaluated again.
      UPDATE zones z SET subject_generations = true WHERE z.id = p_zone AND NOT z.subject_generations;
      PERFORM ssf_authority_revoked(p_zone, p_kind, p_name, raised);
      RETURN raised;
    ELSE
      RAISE EXCEPTION 'nothing of kind % has a generation', p_kind;
  END CASE;
  IF raised IS NOT NULL THEN
    INSERT INTO generations AS g (zone_id, kind, key_hash, gen) VALUES (p_zone, p_kind, generation_key(p_name), raised)
      ON CONFLICT (zone_id, kind, key_hash) DO UPDATE SET gen = EXCLUDED.gen, not_before = clock_timestamp();
    PERFORM ssf_authority_revoked(p_zone, p_kind, p_name, raised);
  END IF;
  RETURN raised;
END $$;

-- Before a resource or an issuer is added, or named otherwise: it goes on in the generation of the last one of that name,
-- so that what was taken back is not honoured again because its row was made anew.
CREATE OR REPLACE FUNCTION generation_goes_on() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  name CONSTANT text := to_jsonb(NEW)->>TG_ARGV[1];
BEGIN
  NEW.generation := greatest(NEW.generation, (
    SELECT g.gen FROM generations g
     WHERE g.zone_id = NEW.zone_id AND g.kind = TG_ARGV[0] AND g.key_hash = generation_key(name)));
  RETURN NEW;
END $$;

CREATE OR REPLACE TRIGGER generation_goes_on BEFORE INSERT OR UPDATE OF identifier ON resources
  FOR EACH ROW EXECUTE FUNCTION generation_goes_on('resource', 'identifier');

CREATE OR REPLACE TRIGGER generation_goes_on BEFORE INSERT OR UPDATE OF issuer ON trusted_issuers
  FOR EACH ROW EXECUTE FUNCTION generation_goes_on('issuer', 'issuer');

-- The policy sets of a zone whose mandates are taken back, by the first 12 digits of their manifest hash, as mandates name
-- them (`pol`). For a day: no mandate lives longer.
CREATE OR REPLACE FUNCTION withdrawn_policies_of(p_zone uuid) RETURNS json LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN coalesce((SELECT json_agg(w.pol ORDER BY w.pol) FROM withdrawn_policies w
                    WHERE w.zone_id = p_zone AND w.withdrawn_at > clock_timestamp() - interval '1 day'), '[]');
END $$;

-- Takes back what a policy set version has allowed, and with it whatever else has the same policies: mandates are by their
-- manifest. Not what is active: its mandates would be of no use from the first moment on.
--
-- pol:       by which mandates name it; null, and nothing done, if there is no such version.
-- is_active: whether the zone decides by it, or by the same policies; then nothing is done.
CREATE OR REPLACE FUNCTION withdraw_policy(p_zone uuid, p_set_version uuid)
RETURNS TABLE (pol text, is_active boolean) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  wanted text;
  active text;
BEGIN
  -- What is active stays so until this is committed.
  PERFORM FROM zones z WHERE z.id = p_zone FOR NO KEY UPDATE;
  SELECT left(s.manifest_sha256, 12) INTO wanted
    FROM policy_set_versions s WHERE s.zone_id = p_zone AND s.id = p_set_version;
  SELECT left(s.manifest_sha256, 12) INTO active
    FROM zones z JOIN policy_set_versions s ON s.zone_id = z.id AND s.id = z.active_policy_set_version_id
   WHERE z.id = p_zone;
  is_active := wanted IS NOT DISTINCT FROM active AND wanted IS NOT NULL;
  IF wanted IS NOT NULL AND NOT is_active THEN
    DELETE FROM withdrawn_policies w
     WHERE w.zone_id = p_zone AND w.withdrawn_at < clock_timestamp() - interval '1 day';
    INSERT INTO withdrawn_policies AS w (zone_id, pol) VALUES (p_zone, wanted)
      ON CONFLICT (zone_id, pol) DO UPDATE SET withdrawn_at = clock_timestamp();
  END IF;
  pol := wanted;
  RETURN NEXT;
END $$;

-- What of a mandate was taken back since it was issued: zone, client, subject, issuer, resource or policy; null if nothing
-- was. A generation above what is here is of a database that was lost, and does not count either. What is gone
-- altogether is not looked at.
--
-- p_said: {zone, clients: [[id, generation]], subject: [key in hex, generation] or null, issuer: [iss, generation] or null,
--         resources: [[identifier, generation]], policies: [pol]} (generationsSaid in mandates/generations.ts).
CREATE OR REPLACE FUNCTION taken_back(p_zone uuid, p_said jsonb) RETURNS text LANGUAGE plpgsql STABLE
  SET enable_seqscan = off AS $$
DECLARE
  zone zones;
BEGIN
  SELECT z.* INTO zone FROM zones z WHERE z.id = p_zone;
  IF zone.generation IS DISTINCT FROM (p_said->>'zone')::integer THEN RETURN 'zone'; END IF;
  -- One by one, and by the index of their ids, however small the table is when the plan is made, which is kept.
  IF EXISTS (SELECT FROM jsonb_array_elements(p_said->'clients') AS x
              WHERE (SELECT c.generation FROM clients c
                      WHERE c.zone_id IS NOT DISTINCT FROM p_zone AND c.id = (x->>0)::uuid) <> (x->>1)::integer) THEN
    RETURN 'client';
  END IF;
  IF jsonb_typeof(p_said->'subject') = 'array'
     AND (zone.subject_generations OR p_said->'subject'->>1 <> '0')
     AND subject_generation(p_zone, decode(p_said->'subject'->>0, 'hex')) <> (p_said->'subject'->>1)::integer THEN
    RETURN 'subject';
  END IF;
  IF jsonb_typeof(p_said->'issuer') = 'array' AND EXISTS (
       SELECT FROM trusted_issuers i
        WHERE i.zone_id = p_zone AND i.issuer = p_said->'issuer'->>0
          AND i.generation <> (p_said->'issuer'->>1)::integer) THEN
    RETURN 'issuer';
  END IF;
  IF EXISTS (SELECT FROM jsonb_array_elements(p_said->'resources') AS x
               JOIN resources r ON r.zone_id = p_zone AND r.identifier = x->>0
              WHERE r.generation <> (x->>1)::integer) THEN
    RETURN 'resource';
  END IF;
  IF EXISTS (SELECT FROM withdrawn_policies w
              WHERE w.zone_id = p_zone AND w.withdrawn_at > clock_timestamp() - interval '1 day'
                AND w.pol IN (SELECT jsonb_array_elements_text(p_said->'policies'))) THEN
    RETURN 'policy';
  END IF;
  RETURN NULL;
END $$;
