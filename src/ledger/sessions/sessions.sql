-- What a session rests on, beside itself. Sessions end with it in one moment, however many there are: their rows
-- are looked at when they are used, and ended or removed when there is time.

-- Whether what a session rests on is still there: its client is not being removed, and its issuer, if it has one,
-- is trusted, and was already when the session began. Each commit asks: PL/pgSQL keeps the plan.
CREATE OR REPLACE FUNCTION session_supported(s sessions) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  RETURN NOT EXISTS (SELECT 1 FROM clients c
                      WHERE c.zone_id = s.zone_id AND c.id = s.client_id AND c.removed_at IS NOT NULL)
     AND (s.issuer IS NULL
          OR EXISTS (SELECT 1 FROM trusted_issuers i
                      WHERE i.zone_id = s.zone_id AND i.issuer = s.issuer AND i.created_at <= s.created_at));
END $$;
