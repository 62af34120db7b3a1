-- Who may administer: whatever changes of it, by the API or by hand, gives it another version, and every process is told in
-- the transaction of the change (admin/operators/operator-directory.service.ts). When a key was used last is none of it.
CREATE OR REPLACE FUNCTION administration_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE administration SET version = version + 1;
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION administration_notify() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('mandate_administration_changed', NEW.version::text);
  RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER administration_changed AFTER INSERT OR DELETE
  OR UPDATE OF name, role, zones, disabled_at ON operators
  FOR EACH STATEMENT EXECUTE FUNCTION administration_changed();

CREATE OR REPLACE TRIGGER administration_changed AFTER INSERT OR DELETE
  OR UPDATE OF digest, addresses, expires_at, revoked_at ON operator_keys
  FOR EACH STATEMENT EXECUTE FUNCTION administration_changed();

-- By themselves: a trigger for TRUNCATE is not one for anything else in a distributed database.
CREATE OR REPLACE TRIGGER administration_emptied AFTER TRUNCATE ON operators
  FOR EACH STATEMENT EXECUTE FUNCTION administration_changed();

CREATE OR REPLACE TRIGGER administration_emptied AFTER TRUNCATE ON operator_keys
  FOR EACH STATEMENT EXECUTE FUNCTION administration_changed();

CREATE OR REPLACE FUNCTION administration_version_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.version := OLD.version + 1;
  RETURN NEW;
END $$;

CREATE OR REPLACE TRIGGER administration_version_grows BEFORE UPDATE ON administration
  FOR EACH ROW EXECUTE FUNCTION administration_version_grows();

CREATE OR REPLACE TRIGGER administration_notify AFTER UPDATE ON administration
  FOR EACH ROW EXECUTE FUNCTION administration_notify();
