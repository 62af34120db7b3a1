import type { Zone } from '../../zones/zone.entity.js';
import type { WeightView } from './policy-weight.js';

/** Which policy set version decides in a zone. */
export interface ZonePolicyView {
  readonly zone_id: string;
  /** `null`: none, and everything is denied. */
  readonly policy_set_version_id: string | null;
  readonly activated_at: Date | null;
}

/** The same after an activation, with what decisions by it may take. */
export interface ActivatedPolicyView extends ZonePolicyView, WeightView {}

/** The candidate of a zone, which is tried on live requests and decides nothing. */
export interface ShadowView {
  readonly zone_id: string;
  /** `null`: none. */
  readonly policy_set_version_id: string | null;
}

/** The same after it was set, with what decisions by it may take. */
export interface NewShadowView extends ShadowView, WeightView {}

/** What a zone adds to the Cedar schema. */
export interface PolicySchemaView {
  readonly zone_id: string;
  /** Cedar schema; `null`: nothing. */
  readonly extension: string | null;
}

/** What decides in a zone. */
export function toView({ id, activePolicySetVersionId, policyActivatedAt }: Zone): ZonePolicyView {
  return {
    zone_id: id,
    policy_set_version_id: activePolicySetVersionId,
    activated_at: policyActivatedAt,
  };
}

/** Names what decides, for `If-Match`. */
export function etagOf({ activePolicySetVersionId }: Zone): string {
  return `"${activePolicySetVersionId ?? 'none'}"`;
}

/** Names what is tried, for `If-Match`. */
export function shadowEtagOf({ shadowPolicySetVersionId }: Zone): string {
  return `"${shadowPolicySetVersionId ?? 'none'}"`;
}

/** What a zone adds to the Cedar schema. */
export function toSchemaView({ id, policySchemaExtension }: Zone): PolicySchemaView {
  return { zone_id: id, extension: policySchemaExtension };
}
