import { createHash } from 'node:crypto';
import type { Zone } from '../../zones/zone.entity.js';
import type { Change } from '../change.js';

/** A change that takes two persons, once the rule is on. */
export interface GuardedChange {
  readonly action: 'delete_zone' | 'activate_policy' | 'turn_off_two_person_rule';
  /** What would be done, in words. */
  readonly summary: string;
  /** Names what is there before: what is approved is done to that, and to nothing that has changed since. */
  readonly tag: string;
}

/** What a change of the two-person rule is called. */
export const RULE_CHANGED = 'two_person_rule.changed';

/**
 * Whether a change is one of those that take two persons, whichever route or program it comes from.
 *
 * @param zone as it was before
 * @param details what the audit event is going to say of it
 */
export function guardedChange(
  { type, zoneId }: Pick<Change, 'type' | 'zoneId'>,
  zone: Zone | null,
  details: Readonly<Record<string, unknown>>,
): GuardedChange | null {
  const named = `the zone ${JSON.stringify(zone?.name ?? zoneId)}`;
  switch (type) {
    case 'zone.deleted':
      return { action: 'delete_zone', summary: `delete ${named}`, tag: tagOfZone(zone) };
    case 'policy.activated':
      return {
        action: 'activate_policy',
        summary: `activate the policy set version ${String(details['after'])} in ${named}`,
        tag: `active ${String(details['before'])}`,
      };
    case RULE_CHANGED:
      if (details['after'] !== false) return null;
      return {
        action: 'turn_off_two_person_rule',
        summary: 'turn off the two-person rule',
        tag: 'on',
      };
    default:
      return null;
  }
}

/** What a zone is, as far as somebody looked at it who approves that it goes. */
function tagOfZone(zone: Zone | null): string {
  if (zone === null) return 'none';
  const { id, name, displayName, issuerMode, issuerUrl, legalHold } = zone;
  const seen = [id, name, displayName, issuerMode, issuerUrl, legalHold];
  const active = zone.activePolicySetVersionId;
  return createHash('sha256')
    .update(JSON.stringify([...seen, active]))
    .digest('base64url');
}
