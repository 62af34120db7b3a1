import type { Away } from '../../oauth/away.js';
import { languagesOf, type Language } from '../../zones/languages.js';
import { issuerOf, type IssuerMode } from '../../zones/zone-issuer.js';
import type { IntrospectionAudit, Zone } from '../../zones/zone.entity.js';
import { logoUriOf } from './zone-logo.js';

/** Where a zone is that is not served here. */
export interface ZoneMove {
  readonly state: Away['state'];
  /** `ISSUER_URL` of the other installation. */
  readonly peer: string;
  /** RFC 3339. */
  readonly since: string;
}

/** A zone as operators are shown it. */
export interface ZoneView {
  readonly id: string;
  /** Unique among zones. */
  readonly name: string;
  /** The organisation, as people know it who are asked to confirm something; absent where that was not said. */
  readonly display_name?: string;
  /** Where its logo is, which its pages show; absent for none. */
  readonly logo_uri?: string;
  /** The languages of its pages for people (BCP 47), the one that they are in where nobody prefers another first. */
  readonly languages: readonly Language[];
  /** What it is for, in words of operators. */
  readonly description?: string;
  /** Who its mandates are from (`iss`). */
  readonly issuer: string;
  /** Where that is: the zone below `ISSUER_URL`, a host of its own, or `ISSUER_URL`, which zones share. */
  readonly issuer_mode: IssuerMode;
  /** The issuer where it has a host of its own. */
  readonly issuer_url?: string;
  /** The issuer before the last change of it, whose mandates are accepted until then. */
  readonly previous_issuer?: string;
  readonly previous_issuer_until?: Date | null;
  /** What requests are for that name no `resource`, by identifier. */
  readonly default_resources: readonly string[];
  /** Which introspections are recorded in the audit log. */
  readonly introspection_audit: IntrospectionAudit;
  /** Whether its audit log is kept whole, however old, and it cannot be removed. */
  readonly legal_hold: boolean;
  /** Whole days for which its audit log is kept at least; absent: as long as that of the installation. */
  readonly retention?: number;
  /** The most decisions that an activation of policies may change, as a replay has found; absent: any number. */
  readonly policy_max_changes?: number;
  /** Whether it cannot be removed until that is taken back. */
  readonly protected: boolean;
  /** Present while it is being removed. */
  readonly removing?: { readonly since: Date };
  /** Present where it is not served here: it is being sent to another installation, has moved there, or has not arrived whole. */
  readonly move?: ZoneMove;
  readonly created_at: Date;
  /** When its own settings were changed last, as far as is known; when it was made if they never were. */
  readonly updated_at: Date;
}

/**
 * A zone as operators are shown it.
 *
 * @param installation `ISSUER_URL`
 */
export function toView(zone: Zone, installation: string): ZoneView {
  const { id, name, defaultResources, createdAt, removedAt, issuerUrl, previousIssuer } = zone;
  return {
    id,
    name,
    ...(zone.displayName === null ? {} : { display_name: zone.displayName }),
    ...(zone.logoDigest === null ? {} : { logo_uri: logoUriOf(zone.logoDigest, installation) }),
    languages: languagesOf(zone.languages),
    ...(zone.description === null ? {} : { description: zone.description }),
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
    ...(zone.retentionDays === null ? {} : { retention: zone.retentionDays }),
    ...(zone.policyMaxChanges === null ? {} : { policy_max_changes: zone.policyMaxChanges }),
    protected: zone.protected,
    ...(removedAt === null ? {} : { removing: { since: removedAt } }),
    ...(zone.away === null ? {} : { move: moveOf(zone.away) }),
    created_at: createdAt,
    updated_at: zone.updatedAt ?? createdAt,
  };
}

function moveOf({ state, peer, since }: Away): ZoneMove {
  return { state, peer, since };
}
