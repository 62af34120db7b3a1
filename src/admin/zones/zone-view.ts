import { issuerOf } from '../../zones/zone-issuer.js';
import type { Zone } from '../../zones/zone.entity.js';

/**
 * A zone as operators are shown it.
 *
 * @param installation `ISSUER_URL`
 */
export function toView(zone: Zone, installation: string) {
  const { id, name, defaultResources, createdAt, removedAt, issuerUrl, previousIssuer } = zone;
  return {
    id,
    name,
    ...(zone.displayName === null ? {} : { display_name: zone.displayName }),
    issuer: issuerOf(id, zone, installation),
    issuer_mode: zone.issuerMode,
    ...(issuerUrl === null ? {} : { issuer_url: issuerUrl }),
    ...(previousIssuer === null
      ? {}
      : {
          previous_issuer: previousIssuer,
          previous_issuer_until: zone.previousIssuerUntil,
        }),
    default_resources: defaultResources,
    introspection_audit: zone.introspectionAudit,
    legal_hold: zone.legalHold,
    ...(removedAt === null ? {} : { removing: { since: removedAt } }),
    created_at: createdAt,
  };
}
