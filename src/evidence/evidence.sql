-- The audit log as evidence: what of it is in signed checkpoints (src/evidence).

-- Whether an event is in a signed checkpoint, by its place in its chain.
CREATE OR REPLACE FUNCTION evidence_has(p_zone uuid, p_writer uuid, p_seq bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT EXISTS (
    SELECT FROM (SELECT * FROM evidence_runs r
                  WHERE r.zone_id = p_zone AND r.writer = p_writer AND r.first_seq <= p_seq
                  ORDER BY r.first_seq DESC LIMIT 1) AS r
      JOIN evidence_checkpointed k ON k.zone_id = r.zone_id
     WHERE p_seq <= r.last_seq AND r.first_leaf + p_seq - r.first_seq < k.size)
$$;

-- Whether a day of the audit log has events that are in no signed checkpoint, but for those of some zones. Before the first
-- checkpoint of an installation nothing waits for one. The chains of a day are found by the index, each by the one before
-- it, and of each the last event is looked for: with that, all before it are in a checkpoint.
CREATE OR REPLACE FUNCTION evidence_awaits(p_partition text, p_held uuid[]) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  awaits boolean;
BEGIN
  IF NOT EXISTS (SELECT FROM checkpoints) THEN RETURN false; END IF;
  IF is_distributed() THEN
    -- Each worker looks through its part of the day. Citus keeps what it finds, and cannot keep rows without a column.
    EXECUTE format($day$
      SELECT EXISTS (
        SELECT 1 FROM (SELECT a.zone_id, a.writer, max(a.seq) AS seq FROM %1$I a WHERE a.zone_id <> ALL ($1)
                      GROUP BY a.zone_id, a.writer) AS l
         WHERE NOT EXISTS (
           SELECT FROM evidence_runs r JOIN evidence_checkpointed k ON k.zone_id = r.zone_id
            WHERE r.zone_id = l.zone_id AND r.writer = l.writer AND r.first_seq <= l.seq AND l.seq <= r.last_seq
              AND r.first_leaf + l.seq - r.first_seq < k.size))$day$, p_partition)
      INTO awaits USING p_held;
    RETURN awaits;
  END IF;
  EXECUTE format($day$
    WITH RECURSIVE chains AS (
      (SELECT a.zone_id, a.writer FROM %1$I a ORDER BY a.zone_id, a.writer, a.seq LIMIT 1)
      UNION ALL
      SELECT n.zone_id, n.writer FROM chains c CROSS JOIN LATERAL (
        SELECT a.zone_id, a.writer FROM %1$I a WHERE (a.zone_id, a.writer) > (c.zone_id, c.writer)
         ORDER BY a.zone_id, a.writer, a.seq LIMIT 1) AS n
    )
    SELECT EXISTS (
      SELECT FROM chains c CROSS JOIN LATERAL (
        SELECT a.seq FROM %1$I a WHERE a.zone_id = c.zone_id AND a.writer = c.writer ORDER BY a.seq DESC LIMIT 1) AS l
       WHERE c.zone_id <> ALL ($1) AND NOT evidence_has(c.zone_id, c.writer, l.seq))$day$, p_partition)
    INTO awaits USING p_held;
  RETURN awaits;
END $$;
