-- The directory of zones: what no two zones may have both, which is their names and issuers, and since when one is being
-- removed. A table of its own, as in a distributed database zones are on many servers, and it is whole on each. Whoever writes a zone writes it there first, in the
-- same transaction (zone-directory.ts); where there is one server, triggers do so for psql and for processes of the
-- version before.

-- Before a zone is added. On a worker the row is there, or the zone is refused: rows of zones refer to it.
CREATE OR REPLACE FUNCTION zone_is_listed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_TABLE_NAME = 'zones' THEN
    INSERT INTO zone_directory AS d (zone_id, name, issuer_url) VALUES (NEW.id, NEW.name, NEW.issuer_url)
      ON CONFLICT (zone_id) DO NOTHING;
  END IF;
  RETURN NEW;
END $$;

-- After a zone has got another name or issuer, is being removed, or is gone.
CREATE OR REPLACE FUNCTION zone_listing_follows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_TABLE_NAME <> 'zones' THEN RETURN NULL; END IF;
  IF TG_OP = 'DELETE' THEN
    DELETE FROM zone_directory d WHERE d.zone_id = OLD.id;
  ELSE
    UPDATE zone_directory d SET name = NEW.name, issuer_url = NEW.issuer_url, removed_at = NEW.removed_at
     WHERE d.zone_id = NEW.id
       AND (d.name, d.issuer_url, d.removed_at) IS DISTINCT FROM (NEW.name, NEW.issuer_url, NEW.removed_at);
  END IF;
  RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER zone_is_listed BEFORE INSERT ON zones
  FOR EACH ROW EXECUTE FUNCTION zone_is_listed();

CREATE OR REPLACE TRIGGER zone_listing_follows AFTER UPDATE OF name, issuer_url, removed_at OR DELETE ON zones
  FOR EACH ROW EXECUTE FUNCTION zone_listing_follows();
