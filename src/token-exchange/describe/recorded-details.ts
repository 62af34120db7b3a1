import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import type { AuthorizationDetail } from '../../oauth/authorization-details/detail.js';
import type { DetailMember } from '../../oauth/authorization-details/detail-type.js';
import { placesOf } from '../../oauth/authorization-details/grant.js';
import { isJsonObject, type JsonObject } from '../../oauth/strict-json.js';
import type { ResourceView } from '../../zones/snapshot/zone-snapshot.js';

/**
 * Details as the audit event has them: without members that a resource declares as private (RFC 9396 12), of one that is
 * for none of the resources, or of a type that these do not declare, nothing but the type, and with the SHA-256 of all of them in canonical JSON (RFC 8785), so that who has a mandate can prove that it was issued for these.
 */
export function recordedDetails(
  details: readonly AuthorizationDetail[],
  resources: readonly Pick<ResourceView, 'identifier' | 'detailTypes'>[],
): Readonly<Record<string, unknown>> {
  if (details.length === 0) return {};
  return {
    authorization_details: details.map((detail) => {
      // Which of its members are private is known where it is for.
      const declared = placesOf(detail, resources).flatMap(({ detailTypes }) =>
        detailTypes.filter(({ type }) => type === detail.type),
      );
      const known = declared.length === 0 ? { type: detail.type } : detail;
      return declared.reduce<JsonObject>(
        (rest, { members }) => withoutPrivate(rest, members),
        known,
      );
    }),
    authorization_details_sha256: createHash('sha256')
      .update(canonicalize(details) ?? '')
      .digest('hex'),
  };
}

function withoutPrivate(value: JsonObject, members: readonly DetailMember[]): JsonObject {
  const kept = Object.entries(value).flatMap(([name, inner]) => {
    const member = members.find((one) => one.name === name);
    if (member?.private === true) return [];
    const { members: ofObject } = member ?? {};
    return [
      [
        name,
        ofObject === undefined || !isJsonObject(inner) ? inner : withoutPrivate(inner, ofObject),
      ] as const,
    ];
  });
  return Object.fromEntries(kept);
}
