-- How often responses and secrets may still be wrong, counted for all replicas together.

-- Takes one attempt, of p_burst that come back at p_per_minute. False if there is none left.
CREATE OR REPLACE FUNCTION step_up_attempt(p_zone uuid, p_key text, p_burst integer, p_per_minute double precision)
RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO step_up_attempts AS a (zone_id, key, tokens) VALUES (p_zone, p_key, p_burst - 1)
  ON CONFLICT (zone_id, key) DO UPDATE
    SET tokens = least(p_burst, a.tokens + extract(epoch FROM clock_timestamp() - a.at) * p_per_minute / 60) - 1,
        at = clock_timestamp()
    WHERE least(p_burst, a.tokens + extract(epoch FROM clock_timestamp() - a.at) * p_per_minute / 60) >= 1;
  RETURN FOUND;
END $$;
