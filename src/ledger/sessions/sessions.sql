-- What a session rests on, beside itself. Sessions end with it in one moment, however many there are: their rows
-- are looked at when they are used, and ended or removed when there is time.

-- Whether what a session rests on is still there: its client is not being removed; its issuer, if it has one, is trusted,
-- and was already when the session began; and so is that of the workload whose token opened it, which still is its
-- client; and none of zone, client, issuer and subject was taken back since. An application as its own subject is its
-- client. Each commit asks: PL/pgSQL keeps the plan.
CREATE OR REPLACE FUNCTION session_supported(s sessions) RETURNS boolean LANGUAGE plpgsql
  SET enable_seqscan = off AS $$
BEGIN
  RETURN NOT EXISTS (SELECT 1 FROM clients c
                      WHERE c.zone_id IS NOT DISTINCT FROM s.zone_id AND c.id = s.client_id
                        AND (c.removed_at IS NOT NULL OR c.generation <> s.client_generation))
     AND NOT EXISTS (SELECT 1 FROM zones z
                      WHERE z.id = s.zone_id
                        AND (z.generation <> s.zone_generation
                             OR z.subject_generations AND s.issuer IS NOT NULL
                                AND s.subject_generation <> subject_generation(z.id, subject_key(s.issuer, s.subject))))
     AND (s.issuer IS NULL
          OR EXISTS (SELECT 1 FROM trusted_issuers i
                      WHERE i.zone_id = s.zone_id AND i.issuer = s.issuer AND i.created_at <= s.created_at
                        AND i.generation = s.issuer_generation))
     AND (s.federated_identity_id IS NULL
          OR EXISTS (SELECT 1 FROM federated_identities f
                       JOIN trusted_issuers i ON i.zone_id = f.zone_id AND i.id = f.issuer_id
                      WHERE f.zone_id = s.zone_id AND f.id = s.federated_identity_id));
END $$;

-- The session with an id, if it is alive: neither ended nor expired, and supported. A set, and STABLE, so that a query
-- about many has it in its own plan; what session_supported asks is asked here once more for that.
--
-- Here and elsewhere, what many ask for is written so that one index answers it, whatever the planner knows. Plans are kept,
-- and made when a table, or its day, is empty: all indexes that begin with the zone cost the same then, and by another one
-- each look-up would read all that the zone has. So it is asked for by the order that only the key has; or, where the id
-- has an index of its own, with a comparison of the zone that no index has.
--
-- p_least, p_greatest: between which its id is. Where a statement knows that when it begins, such as of all that it looks
-- up, it opens the tables of these days only.
CREATE OR REPLACE FUNCTION session_alive_between(p_zone uuid, p_id uuid, p_least uuid, p_greatest uuid) RETURNS SETOF uuid
LANGUAGE sql STABLE AS $$
  SELECT s.id FROM sessions s
   WHERE s.zone_id = p_zone AND s.id >= p_id AND s.id <= p_id AND s.id BETWEEN p_least AND p_greatest
     AND s.ended_at IS NULL AND s.expires_at > clock_timestamp()
     AND NOT EXISTS (SELECT 1 FROM clients c
                      WHERE c.zone_id IS NOT DISTINCT FROM s.zone_id AND c.id = s.client_id
                        AND (c.removed_at IS NOT NULL OR c.generation <> s.client_generation))
     AND NOT EXISTS (SELECT 1 FROM zones z
                      WHERE z.id = s.zone_id
                        AND (z.generation <> s.zone_generation
                             OR z.subject_generations AND s.issuer IS NOT NULL
                                AND s.subject_generation <> subject_generation(z.id, subject_key(s.issuer, s.subject))))
     AND (s.issuer IS NULL
          OR EXISTS (SELECT 1 FROM trusted_issuers i
                      WHERE i.zone_id = s.zone_id AND i.issuer = s.issuer AND i.created_at <= s.created_at
                        AND i.generation = s.issuer_generation))
     AND (s.federated_identity_id IS NULL
          OR EXISTS (SELECT 1 FROM federated_identities f
                       JOIN trusted_issuers i ON i.zone_id = f.zone_id AND i.id = f.issuer_id
                      WHERE f.zone_id = s.zone_id AND f.id = s.federated_identity_id))
   ORDER BY s.id
$$;

-- The same of one.
CREATE OR REPLACE FUNCTION session_alive(p_zone uuid, p_id uuid) RETURNS SETOF uuid LANGUAGE sql STABLE AS $$
  SELECT * FROM session_alive_between(p_zone, p_id, p_id, p_id)
$$;
