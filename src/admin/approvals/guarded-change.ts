import { createHash } from 'node:crypto';
import type { Zone } from '../../zones/zone.entity.js';
import type { Change } from '../change.js';
import { permissionsOf } from '../operators/roles.js';

/** A change that takes two persons, once the rule is on. */
export interface GuardedChange {
  readonly action:
    'delete_zone' | 'activate_policy' | 'draw_key' | 'give_approval' | 'turn_off_two_person_rule';
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
  { type, zoneId, operator }: Pick<Change, 'type' | 'zoneId' | 'operator'>,
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
    case 'operator_key.created':
      return drawnFor(operator.id, details);
    case 'operator.changed':
      return mayApproveFrom(details);
    default:
      return null;
  }
}

/**
 * Whoever draws a key for somebody else may keep it, and be two persons with it. One for oneself that is good for more than the
 * key that it is drawn with would make a stolen key good for ever.
 */
function drawnFor(
  drawer: string | null,
  {
    key,
    subject_operator: name,
    subject_role: role,
    beyond_drawn_with: beyond,
  }: Readonly<Record<string, unknown>>,
): GuardedChange | null {
  const whose = memberOf(key, 'operator_id');
  if (whose === drawer && beyond !== true) return null;
  const more = whose === drawer ? ', good for more than the one before' : '';
  return {
    action: 'draw_key',
    summary: `draw a key for the operator ${JSON.stringify(name)} (${String(role)})${more}`,
    tag: `${String(whose)} ${String(role)}`,
  };
}

/** A key that was drawn for somebody who could approve nothing is looked at with other eyes. */
function mayApproveFrom({
  before,
  after,
}: Readonly<Record<string, unknown>>): GuardedChange | null {
  const [had, has] = [approves(before), approves(after)];
  const more = has === 'all' ? had !== 'all' : had !== 'all' && has.some((id) => !had.includes(id));
  if (!more) return null;
  const name = JSON.stringify(memberOf(after, 'name'));
  const zones = has === 'all' ? 'all zones' : has.join(', ');
  return {
    action: 'give_approval',
    summary: `let the operator ${name} approve in ${zones}`,
    tag: `${String(memberOf(after, 'id'))} had ${had === 'all' ? had : had.join(' ')}`,
  };
}

/** The zones in which an operator may approve what takes two persons, by its view. */
function approves(view: unknown): 'all' | readonly string[] {
  if (!permissionsOf(String(memberOf(view, 'role'))).has('approvals:write')) return [];
  const zones = memberOf(view, 'zones');
  return Array.isArray(zones) ? zones.map(String) : 'all';
}

function memberOf(of: unknown, name: string): unknown {
  return typeof of === 'object' && of !== null ? Reflect.get(of, name) : undefined;
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
