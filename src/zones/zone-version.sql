-- The versions of zones and clients: that of a zone's settings changes with whatever is set up in it, that of a client
-- with the client and its secrets, so that a change of a client makes nothing old but the client. Triggers do that, and
-- NOTIFY, in the transaction of the change, so that psql makes old what is in memory as the API does.

-- Before a row of zones is updated: another version, whatever the writer thinks that it is. A version of -1 says that
-- clients have changed, and nothing of the settings: then only that grows which processes of the version before compare.
CREATE OR REPLACE FUNCTION zone_version_grows() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  of_clients CONSTANT boolean := NEW.version = -1;
BEGIN
  NEW.version := OLD.version;
  NEW.settings_version := OLD.settings_version;
  IF NOT of_clients OR NEW IS DISTINCT FROM OLD THEN
    NEW.settings_version := nextval('versions');
  END IF;
  NEW.version := OLD.version + 1;
  RETURN NEW;
END $$;

-- Before a row of zones is added: a version that none had which was there before it under the same id.
CREATE OR REPLACE FUNCTION zone_version_begins() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.settings_version := nextval('versions');
  RETURN NEW;
END $$;

CREATE OR REPLACE TRIGGER zone_version_begins BEFORE INSERT ON zones
  FOR EACH ROW EXECUTE FUNCTION zone_version_begins();

-- After the settings of a zone have changed: says so to every replica, which drops its snapshot of the zone; and, apart
-- from that, if it has got, lost or changed a host of its own, or one that it had before: of these every replica knows all.
CREATE OR REPLACE FUNCTION zone_notify() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP <> 'UPDATE' OR OLD.settings_version <> NEW.settings_version THEN
    PERFORM pg_notify('mandate_zone_changed', COALESCE(NEW.id, OLD.id)::text);
  END IF;
  IF num_nonnulls(OLD.issuer_url, NEW.issuer_url, OLD.previous_issuer, NEW.previous_issuer) > 0
     AND (OLD.issuer_url, OLD.removed_at, OLD.previous_issuer, OLD.previous_issuer_until)
         IS DISTINCT FROM (NEW.issuer_url, NEW.removed_at, NEW.previous_issuer, NEW.previous_issuer_until) THEN
    PERFORM pg_notify('mandate_zone_host_changed', COALESCE(NEW.id, OLD.id)::text);
  END IF;
  RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER zone_version_grows BEFORE UPDATE ON zones
  FOR EACH ROW EXECUTE FUNCTION zone_version_grows();

CREATE OR REPLACE TRIGGER zone_notify AFTER INSERT OR UPDATE OR DELETE ON zones
  FOR EACH ROW EXECUTE FUNCTION zone_notify();

-- Makes the versions of zones grow, one after the other: so each statement says of which zone it is, as the rows of zones may
-- be on several servers, and every transaction that changes several takes them in one order.
CREATE OR REPLACE FUNCTION zones_grow(p_zones uuid[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  zone uuid;
BEGIN
  FOR zone IN SELECT DISTINCT z.id FROM unnest(p_zones) AS z (id) ORDER BY z.id LOOP
    UPDATE zones z SET version = z.version WHERE z.id = zone;
  END LOOP;
END $$;

-- After rows of a table of zones' content have been added, changed or removed, or all of them truncated:
-- updates the zones that they are of, which makes their versions grow. These are statement triggers on
-- transition tables: a bulk import makes a zone's version grow once, not once a row.
CREATE OR REPLACE FUNCTION zone_content_added() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM zones_grow(ARRAY(SELECT DISTINCT zone_id FROM after_rows));
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION zone_content_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM zones_grow(ARRAY(SELECT zone_id FROM before_rows UNION SELECT zone_id FROM after_rows));
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION zone_content_removed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM zones_grow(ARRAY(SELECT DISTINCT zone_id FROM before_rows));
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION zone_content_truncated() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE zones SET version = version;
  RETURN NULL;
END $$;

-- Before a client is added or updated: another version, whatever the writer thinks that it is.
CREATE OR REPLACE FUNCTION client_version_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.version := nextval('versions');
  RETURN NEW;
END $$;

CREATE OR REPLACE TRIGGER client_version_grows BEFORE INSERT OR UPDATE ON clients
  FOR EACH ROW EXECUTE FUNCTION client_version_grows();

-- Says of clients that they have changed: to every replica, which forgets those, and to processes of the version before,
-- for which the whole zone has. Of more than a hundred in a transaction it is said of all in their zone.
CREATE OR REPLACE FUNCTION clients_notify(p_zones uuid[], p_clients uuid[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  said CONSTANT integer := coalesce(nullif(current_setting('mandate.clients_said', true), ''), '0')::integer;
  changed uuid;
BEGIN
  FOR changed IN SELECT DISTINCT z.id FROM unnest(p_zones) AS z (id) ORDER BY z.id LOOP
    UPDATE zones z SET version = -1 WHERE z.id = changed;
  END LOOP;
  IF said + cardinality(p_clients) > 100 THEN
    PERFORM pg_notify('mandate_client_changed', zone::text) FROM (SELECT DISTINCT unnest(p_zones) AS zone) AS zones;
  ELSE
    PERFORM set_config('mandate.clients_said', (said + cardinality(p_clients))::text, true);
    PERFORM pg_notify('mandate_client_changed', c.zone || ' ' || c.client) FROM unnest(p_zones, p_clients) AS c (zone, client);
  END IF;
END $$;

CREATE OR REPLACE FUNCTION clients_added() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM clients_notify(array_agg(zone_id), array_agg(id)) FROM after_rows HAVING count(*) > 0;
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION clients_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM clients_notify(array_agg(zone_id), array_agg(id))
     FROM (SELECT zone_id, id FROM before_rows UNION SELECT zone_id, id FROM after_rows) AS changed HAVING count(*) > 0;
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION clients_removed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM clients_notify(array_agg(zone_id), array_agg(id)) FROM before_rows HAVING count(*) > 0;
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION clients_truncated() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE zones SET version = -1;
  PERFORM pg_notify('mandate_client_changed', '*');
  RETURN NULL;
END $$;

-- After secrets or federated identities have been added, changed or removed: their clients have changed, which are said of
-- one zone after the other, as zones are (zones_grow). One that this transaction has written already has a version that
-- nobody has seen.
CREATE OR REPLACE FUNCTION clients_grow(p_zones uuid[], p_clients uuid[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  one record;
BEGIN
  FOR one IN SELECT s.zone, array_agg(DISTINCT s.client) AS clients
               FROM unnest(p_zones, p_clients) AS s (zone, client) GROUP BY s.zone ORDER BY s.zone LOOP
    UPDATE clients c SET version = c.version
     WHERE c.zone_id = one.zone AND c.id = ANY (one.clients) AND c.xmin <> pg_current_xact_id()::xid;
  END LOOP;
END $$;

CREATE OR REPLACE FUNCTION secrets_added() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM clients_grow(array_agg(zone_id), array_agg(client_id)) FROM after_rows;
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION secrets_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM clients_grow(array_agg(zone_id), array_agg(client_id))
     FROM (SELECT zone_id, client_id FROM before_rows UNION SELECT zone_id, client_id FROM after_rows) AS changed;
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION secrets_removed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM clients_grow(array_agg(zone_id), array_agg(client_id)) FROM before_rows;
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION secrets_truncated() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE clients c SET version = c.version;
  RETURN NULL;
END $$;

-- The tables of zones' content: what a snapshot is read from, and what it must not outlive. Clients and their secrets are
-- looked up by id, and have triggers of the same names that do less.
DO $$
DECLARE
  t record;
BEGIN
  FOR t IN
    SELECT name, 'zone_content' AS prefix FROM unnest(ARRAY['resources', 'scopes', 'trusted_issuers', 'step_up_types', 'signing_keys',
        'policies', 'policy_versions', 'policy_sets', 'policy_set_versions', 'policy_set_members', 'withdrawn_policies']) AS name
    UNION ALL VALUES ('clients', 'clients'), ('client_secrets', 'secrets'), ('federated_identities', 'secrets')
  LOOP
    EXECUTE format('CREATE OR REPLACE TRIGGER zone_content_added AFTER INSERT ON %I
      REFERENCING NEW TABLE AS after_rows
      FOR EACH STATEMENT EXECUTE FUNCTION %I()', t.name, t.prefix || '_added');
    EXECUTE format('CREATE OR REPLACE TRIGGER zone_content_changed AFTER UPDATE ON %I
      REFERENCING OLD TABLE AS before_rows NEW TABLE AS after_rows
      FOR EACH STATEMENT EXECUTE FUNCTION %I()', t.name, t.prefix || '_changed');
    EXECUTE format('CREATE OR REPLACE TRIGGER zone_content_removed AFTER DELETE ON %I
      REFERENCING OLD TABLE AS before_rows
      FOR EACH STATEMENT EXECUTE FUNCTION %I()', t.name, t.prefix || '_removed');
    EXECUTE format('CREATE OR REPLACE TRIGGER zone_content_truncated AFTER TRUNCATE ON %I
      FOR EACH STATEMENT EXECUTE FUNCTION %I()', t.name, t.prefix || '_truncated');
  END LOOP;
END $$;
