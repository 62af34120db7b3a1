-- What is asked of the clients of a zone.

-- The labels of a client together with its zone, by which the index `clients_by_label` finds clients of one zone.
CREATE OR REPLACE FUNCTION label_keys(p_zone uuid, p_labels text[]) RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
  SELECT coalesce(array_agg(p_zone::text || ' ' || label), '{}') FROM unnest(p_labels) AS label
$$;

-- Those of some labels that were given to other clients of the zone and not to this one, in the order given.
CREATE OR REPLACE FUNCTION reserved_labels(p_zone uuid, p_client uuid, p_labels text[]) RETURNS text[] LANGUAGE plpgsql AS $$
BEGIN
  RETURN ARRAY(
    SELECT wanted.label FROM unnest(p_labels) WITH ORDINALITY AS wanted (label, n)
     WHERE EXISTS (SELECT FROM clients c
                    WHERE c.labels <> '{}' AND label_keys(c.zone_id, c.labels) @> label_keys(p_zone, ARRAY[wanted.label])
                      AND c.zone_id = p_zone)
       AND NOT EXISTS (SELECT FROM clients c
                        WHERE c.zone_id = p_zone AND c.id = p_client AND wanted.label = ANY (c.labels))
     ORDER BY wanted.n);
END $$;

-- Whether clients of a zone still are what an evaluation has seen.
--
-- p_clients: [{id, version}], the version null for one that was not there; null for none.
-- p_labels:  {client_id, labels, reserved}, what reserved_labels has answered; null if it was not asked.
CREATE OR REPLACE FUNCTION clients_are(p_zone uuid, p_clients jsonb, p_labels jsonb) RETURNS boolean LANGUAGE plpgsql
  SET enable_seqscan = off AS $$
BEGIN
  -- One by one, and by the index of their ids, however small the table is when the plan is made, which is kept.
  IF p_clients IS NOT NULL AND EXISTS (
       SELECT FROM jsonb_to_recordset(p_clients) AS seen (id uuid, version bigint)
        WHERE (SELECT c.version FROM clients c
                WHERE c.zone_id IS NOT DISTINCT FROM p_zone AND c.id = seen.id) IS DISTINCT FROM seen.version) THEN
    RETURN false;
  END IF;
  RETURN p_labels IS NULL OR EXISTS (
    SELECT FROM jsonb_to_record(p_labels) AS asked (client_id uuid, labels text[], reserved text[])
     WHERE reserved_labels(p_zone, asked.client_id, asked.labels) = asked.reserved);
END $$;

-- Clients with their secrets and what else is set of them, wherever they are, but for zones that are being removed. A
-- function, so that its plan is made once for each connection. What is set is one object, so that one setting more
-- needs no function of another name. OFFSET 0 has each looked up by itself (facts.sql): the plan of a join that is made before
-- it is known how many zones there are may go through all of them.
CREATE OR REPLACE FUNCTION clients_with_settings(p_ids uuid[])
RETURNS TABLE (zone_id uuid, id uuid, version text, labels text[], groups text[], auth_methods text[], jwks jsonb,
               jwks_uri text, workload_issuer text, workload_subject text, registration_method text, disabled boolean,
               secrets json, settings json)
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
BEGIN
  RETURN QUERY
    SELECT c.zone_id, c.id, c.version::text, c.labels, c.groups, c.auth_methods, c.jwks, c.jwks_uri, c.workload_issuer,
           c.workload_subject, c.registration_method, c.disabled_at IS NOT NULL,
           -- What expired is of no use to a process whose clock may be behind by less than a minute.
           coalesce((
             SELECT json_agg(json_build_object('kind', s.kind, 'verifier', s.verifier,
                                               'expiresAt', milliseconds(s.expires_at)))
               FROM client_secrets s
              WHERE s.zone_id = c.zone_id AND s.client_id = c.id AND s.revoked_at IS NULL
                AND (s.expires_at IS NULL OR s.expires_at > clock_timestamp() - interval '1 minute')), '[]'),
           json_build_object('assertionAudience', c.assertion_audience, 'defaultResources', c.default_resources,
                             'generation', c.generation, 'ssf', c.ssf,
                             'introspectionAlg', c.introspection_signed_response_alg,
                             'accessTokenLifespan', c.access_token_lifespan, 'scopes', c.scopes,
                             'audience', c.audience)
      FROM (SELECT DISTINCT x.id FROM unnest(p_ids) AS x (id)) AS wanted
     CROSS JOIN LATERAL (SELECT k.* FROM clients k WHERE k.id = wanted.id OFFSET 0) AS c
     WHERE EXISTS (SELECT FROM zones z WHERE z.id = c.zone_id AND z.removed_at IS NULL OFFSET 0)
     ORDER BY c.zone_id;
END $$;

-- The same without settings, for processes of the version before.
CREATE OR REPLACE FUNCTION clients_with_secrets(p_ids uuid[])
RETURNS TABLE (zone_id uuid, id uuid, version text, labels text[], groups text[], auth_methods text[], jwks jsonb,
               jwks_uri text, workload_issuer text, workload_subject text, registration_method text, disabled boolean,
               secrets json)
LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN QUERY
    SELECT c.zone_id, c.id, c.version, c.labels, c.groups, c.auth_methods, c.jwks, c.jwks_uri, c.workload_issuer,
           c.workload_subject, c.registration_method, c.disabled, c.secrets
      FROM clients_with_settings(p_ids) c;
END $$;
