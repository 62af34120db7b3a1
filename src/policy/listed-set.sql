-- A policy set version as it is listed with its zone: with the manifest hash that it has, and that of what is stored, which
-- is null if a text does not match its own hash. So texts are compared here, and not read. Where names sort otherwise here
-- than in the process, the hash is another one, and they are read after all. Null for no version.
CREATE OR REPLACE FUNCTION policy_set_listed(p_zone uuid, p_set_version uuid) RETURNS json LANGUAGE plpgsql STABLE AS $$
BEGIN
  IF p_set_version IS NULL THEN RETURN NULL; END IF;
  RETURN json_build_object(
    'setVersionId', p_set_version,
    'manifestSha256', (
      SELECT s.manifest_sha256 FROM policy_set_versions s WHERE s.zone_id = p_zone AND s.id = p_set_version),
    'storedSha256', (
      SELECT encode(sha256(convert_to('[' || coalesce(string_agg(
               '[' || to_json(p.name)::text || ',' || to_json(v.sha256)::text || ']', ',' ORDER BY p.name COLLATE "C"), '')
               || ']', 'UTF8')), 'hex')
        FROM policy_set_members m
        JOIN policy_versions v ON v.zone_id = m.zone_id AND v.id = m.policy_version_id
        JOIN policies p ON p.zone_id = v.zone_id AND p.id = v.policy_id
       WHERE m.zone_id = p_zone AND m.policy_set_version_id = p_set_version
      HAVING coalesce(bool_and(encode(sha256(convert_to(v.content, 'UTF8')), 'hex') = v.sha256), true)));
END $$;
