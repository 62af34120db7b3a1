import { isJsonObject, type JsonObject, type JsonValue } from '../oauth/strict-json.js';

/**
 * What comes of a merge patch (RFC 7396 2): members of the patch replace those of the target, those that are `null` take
 * theirs away, and objects are merged member by member.
 */
export function mergePatch(target: JsonValue | undefined, patch: JsonValue): JsonValue {
  if (!isJsonObject(patch)) return patch;
  const merged = new Map(
    target !== undefined && isJsonObject(target) ? Object.entries(target) : [],
  );
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) merged.delete(name);
    else merged.set(name, mergePatch(merged.get(name), value));
  }
  return Object.fromEntries(merged) satisfies JsonObject;
}
