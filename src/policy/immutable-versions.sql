-- Versions of policies and of policy sets are immutable: an audit event names the version that decided, and
-- that must be what it was.

CREATE OR REPLACE TRIGGER immutable BEFORE UPDATE ON policy_versions
  FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE OR REPLACE TRIGGER immutable BEFORE UPDATE ON policy_set_versions
  FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE OR REPLACE TRIGGER immutable BEFORE UPDATE ON policy_set_members
  FOR EACH ROW EXECUTE FUNCTION refuse_change();
