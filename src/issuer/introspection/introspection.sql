-- What introspection asks of the database (RFC 7662): whether mandates are live, all that wait together in one query, on
-- the primary. A query sees all that was committed before it began, so what was taken back before the question is not
-- live, on whichever replica that was done. Nothing is locked and nothing written: it waits for nobody.

-- Each place is one mandate, by columns, whose signature and claims were verified with the settings of its zone at
-- p_versions; where that is null, another place of the same question has it.
-- p_callers:     who asks, and the version of that client on which it was believed; null as p_versions.
-- p_jtis:        null where there is no mandate to be looked at, only who asks.
-- p_until:       when it expires, seconds since the epoch: by the clock of the database.
-- p_sessions:    its session and its root session.
-- p_ancestors:   the mandates that it comes from.
-- p_clients:     all clients that it comes by; p_generations: the generation that each was in when it was issued.
-- p_subjects:    the key of its subject (subject_key), in hex, where that may have a generation, and which it was then.
-- p_agents:      the agent session that acts; p_edges: the delegation that it acts on.
-- Returns for each place `live`, or the first reason why it is not; `stale` if the zone or who asks is not any more what
-- the question was made on. OFFSET 0 has each looked up by itself: else PostgreSQL may read all there is into a hash table
-- for every question, by a plan of when that was little.
CREATE OR REPLACE FUNCTION introspect_live(
  p_zones uuid[], p_versions bigint[], p_callers uuid[], p_caller_versions bigint[], p_jtis uuid[], p_until float8[],
  p_sessions text[], p_ancestors text[], p_clients text[], p_generations text[], p_subjects text[], p_subject_generations integer[],
  p_agents uuid[], p_edges uuid[])
RETURNS SETOF text LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
BEGIN
  RETURN QUERY
    SELECT CASE
             WHEN q.version IS NOT NULL AND NOT EXISTS (
                    SELECT FROM zones z JOIN clients c ON c.zone_id IS NOT DISTINCT FROM z.id
                     WHERE z.id = q.zone AND z.settings_version = q.version AND z.removed_at IS NULL
                       AND c.id = q.caller AND c.version = q.caller_version OFFSET 0) THEN 'stale'
             WHEN q.jti IS NULL THEN 'live'
             WHEN to_timestamp(q.until) <= clock_timestamp() THEN 'expired'
             WHEN EXISTS (SELECT FROM revocations r WHERE r.zone_id = q.zone AND r.jti = q.jti OFFSET 0) THEN 'revoked'
             WHEN q.ancestors <> '' AND EXISTS (
                    SELECT FROM unnest(string_to_array(q.ancestors, ',')::uuid[]) AS ancestor (jti)
                      CROSS JOIN LATERAL (
                        SELECT FROM revocations r WHERE r.zone_id = q.zone AND r.jti = ancestor.jti OFFSET 0) AS r)
               THEN 'revoked'
             WHEN EXISTS (
                    SELECT FROM unnest(string_to_array(q.sessions, ',')::uuid[]) AS session (id)
                     WHERE NOT EXISTS (SELECT FROM session_alive(q.zone, session.id))) THEN 'session_ended'
             WHEN EXISTS (
                    SELECT FROM unnest(string_to_array(q.clients, ',')::uuid[],
                                       string_to_array(q.generations, ',')::integer[]) AS one (id, generation)
                     WHERE NOT EXISTS (
                             SELECT FROM clients c
                              WHERE c.zone_id IS NOT DISTINCT FROM q.zone AND c.id = one.id AND c.disabled_at IS NULL
                                AND c.generation = one.generation OFFSET 0)) THEN 'client_taken_back'
             WHEN q.subject IS NOT NULL
                  AND subject_generation(q.zone, decode(q.subject, 'hex')) <> q.subject_generation THEN 'taken_back'
             WHEN q.agent IS NOT NULL AND NOT agent_session_live(q.zone, q.agent) THEN 'agent_session_ended'
             WHEN q.edge IS NOT NULL AND NOT delegation_live(q.zone, q.edge, NULL) THEN 'delegation_ended'
             ELSE 'live'
           END
      FROM unnest(p_zones, p_versions, p_callers, p_caller_versions, p_jtis, p_until, p_sessions, p_ancestors, p_clients,
                  p_generations, p_subjects, p_subject_generations, p_agents, p_edges) WITH ORDINALITY
             AS q (zone, version, caller, caller_version, jti, until, sessions, ancestors, clients, generations,
                   subject, subject_generation, agent, edge, place)
     ORDER BY q.place;
END $$;
