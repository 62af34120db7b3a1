/** A policy set version as it is listed with its zone, without the texts of its policies. */
export interface ListedPolicySet {
  readonly setVersionId: string;
  /** `null` if there is no such version. */
  readonly manifestSha256: string | null;
  /** The manifest hash of what is stored; `null` if a text does not match its own hash. */
  readonly storedSha256: string | null;
}

/**
 * An SQL expression for a {@link ListedPolicySet} as JSON. The database compares texts with their hashes, so that none
 * has to be read. Where names sort otherwise there than here the hash is another one, and the texts are read after all.
 *
 * @param zone the SQL expression of the id of the zone
 * @param id that of the set version; where that is null, so is the result
 */
export function listedSet(zone: string, id: string): string {
  return `(
    SELECT json_build_object(
      'setVersionId', listed.id,
      'manifestSha256', (SELECT s.manifest_sha256 FROM policy_set_versions s WHERE s.zone_id = ${zone} AND s.id = listed.id),
      'storedSha256', (
        SELECT encode(sha256(convert_to('[' || coalesce(string_agg(
                 '[' || to_json(p.name)::text || ',' || to_json(v.sha256)::text || ']', ',' ORDER BY p.name COLLATE "C"), '')
                 || ']', 'UTF8')), 'hex')
          FROM policy_set_members m
          JOIN policy_versions v ON v.zone_id = m.zone_id AND v.id = m.policy_version_id
          JOIN policies p ON p.zone_id = v.zone_id AND p.id = v.policy_id
         WHERE m.zone_id = ${zone} AND m.policy_set_version_id = listed.id
        HAVING coalesce(bool_and(encode(sha256(convert_to(v.content, 'UTF8')), 'hex') = v.sha256), true)))
      FROM (SELECT ${id} AS id) AS listed WHERE listed.id IS NOT NULL)`;
}
