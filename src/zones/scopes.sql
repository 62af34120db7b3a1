-- The scopes that every zone has: those of OpenID Connect and of refresh tokens (OpenID Connect Core 1.0 5.4, 11).

-- Adds to zones the system scopes that they lack.
CREATE OR REPLACE FUNCTION add_system_scopes(p_zones uuid[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  zone uuid;
BEGIN
  FOREACH zone IN ARRAY p_zones LOOP
    INSERT INTO scopes (zone_id, id, name, description, is_system) VALUES
      (zone, new_uuid_v7(), 'openid', 'Know who you are', true),
      (zone, new_uuid_v7(), 'profile', 'See your name and profile', true),
      (zone, new_uuid_v7(), 'email', 'See your email address', true),
      (zone, new_uuid_v7(), 'offline_access', 'Keep access while you are away', true)
    ON CONFLICT (zone_id, name) DO NOTHING;
  END LOOP;
END $$;

-- After zones were added, by whomever.
CREATE OR REPLACE FUNCTION zones_get_system_scopes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM add_system_scopes(array_agg(id)) FROM after_rows HAVING count(*) > 0;
  RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER zones_get_system_scopes AFTER INSERT ON zones
  REFERENCING NEW TABLE AS after_rows
  FOR EACH STATEMENT EXECUTE FUNCTION zones_get_system_scopes();

-- Zones that were made before there were scopes have them from now on. No zone is added meanwhile: the trigger waits for it.
DO $$
BEGIN
  PERFORM add_system_scopes(array_agg(z.id)) FROM zones z
    WHERE NOT EXISTS (SELECT FROM scopes s WHERE s.zone_id = z.id AND s.is_system) HAVING count(*) > 0;
END $$;
