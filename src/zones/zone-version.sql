-- The version of a zone: it grows with every change to the zone or to anything in it, and with a NOTIFY.
-- Triggers do both in the transaction of the change, so that psql makes snapshots old as the API does.

-- Before a row of zones is updated: counts the change, whatever the writer thinks the version is.
CREATE OR REPLACE FUNCTION zone_version_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.version := OLD.version + 1;
  RETURN NEW;
END $$;

-- After a row of zones has changed: says so to every replica, which drops its snapshot of the zone.
CREATE OR REPLACE FUNCTION zone_notify() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('mandate_zone_changed', COALESCE(NEW.id, OLD.id)::text);
  RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER zone_version_grows BEFORE UPDATE ON zones
  FOR EACH ROW EXECUTE FUNCTION zone_version_grows();

CREATE OR REPLACE TRIGGER zone_notify AFTER INSERT OR UPDATE OR DELETE ON zones
  FOR EACH ROW EXECUTE FUNCTION zone_notify();

-- After rows of a table of zones' content have been added, changed or removed, or all of them truncated:
-- updates the zones that they are of, which makes their versions grow. These are statement triggers on
-- transition tables: a bulk import makes a zone's version grow once, not once a row.
CREATE OR REPLACE FUNCTION zone_content_added() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE zones SET version = version WHERE id IN (SELECT zone_id FROM after_rows);
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION zone_content_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE zones SET version = version
   WHERE id IN (SELECT zone_id FROM before_rows UNION SELECT zone_id FROM after_rows);
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION zone_content_removed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE zones SET version = version WHERE id IN (SELECT zone_id FROM before_rows);
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION zone_content_truncated() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE zones SET version = version;
  RETURN NULL;
END $$;

-- The tables of zones' content: what a snapshot is read from, and what it must not outlive.
DO $$
DECLARE
  t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['clients', 'client_secrets', 'resources', 'trusted_issuers', 'step_up_types',
    'signing_keys', 'policies', 'policy_versions', 'policy_sets', 'policy_set_versions', 'policy_set_members']
  LOOP
    EXECUTE format('CREATE OR REPLACE TRIGGER zone_content_added AFTER INSERT ON %I
      REFERENCING NEW TABLE AS after_rows
      FOR EACH STATEMENT EXECUTE FUNCTION zone_content_added()', t);
    EXECUTE format('CREATE OR REPLACE TRIGGER zone_content_changed AFTER UPDATE ON %I
      REFERENCING OLD TABLE AS before_rows NEW TABLE AS after_rows
      FOR EACH STATEMENT EXECUTE FUNCTION zone_content_changed()', t);
    EXECUTE format('CREATE OR REPLACE TRIGGER zone_content_removed AFTER DELETE ON %I
      REFERENCING OLD TABLE AS before_rows
      FOR EACH STATEMENT EXECUTE FUNCTION zone_content_removed()', t);
    EXECUTE format('CREATE OR REPLACE TRIGGER zone_content_truncated AFTER TRUNCATE ON %I
      FOR EACH STATEMENT EXECUTE FUNCTION zone_content_truncated()', t);
  END LOOP;
END $$;
