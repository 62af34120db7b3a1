import type { EntityManager } from 'typeorm';
import type { Zone } from '../../zones/zone.entity.js';
import { checkDefaultResources } from './default-resources.js';
import { issuerChange } from './issuer-settings.js';
import type { ZoneChangeBody } from './zone.body.js';

/**
 * The columns that a change of a zone writes, but for its logo and its languages.
 *
 * @param installation `ISSUER_URL`
 * @throws {HttpException} 409 or 422 for what cannot be so
 */
export async function columnsOf(
  tx: EntityManager,
  before: Zone,
  {
    name,
    display_name: displayName,
    default_resources: wanted,
    introspection_audit: audit,
    legal_hold: legalHold,
    retention: retentionDays,
    policy_max_changes: policyMaxChanges,
    description,
    protected: isProtected,
    logo_uri: _logo,
    languages: _languages,
    ...issuer
  }: ZoneChangeBody,
  installation: string,
): Promise<Partial<Zone>> {
  const { id, defaultResources } = before;
  return {
    ...(name === undefined ? {} : { name }),
    ...(displayName === undefined ? {} : { displayName }),
    ...(wanted === undefined
      ? {}
      : { defaultResources: await checkDefaultResources(tx, id, wanted, defaultResources) }),
    ...(legalHold === undefined ? {} : { legalHold }),
    ...(retentionDays === undefined ? {} : { retentionDays }),
    ...(policyMaxChanges === undefined ? {} : { policyMaxChanges }),
    ...(description === undefined ? {} : { description }),
    ...(isProtected === undefined ? {} : { protected: isProtected }),
    ...(audit === undefined ? {} : { introspectionAudit: audit ?? 'none' }),
    ...(await issuerChange(tx, before, issuer, installation)),
  };
}
