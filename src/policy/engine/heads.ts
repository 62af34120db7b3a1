import type { EntityUidJson, PolicyJson } from '@cedar-policy/cedar-wasm/nodejs';

/**
 * The one principal and the one resource that a policy can match, or `null` for any.
 *
 * Only a `==` in the head (Cedar's policy scope) names one. `in`, `is` and an absent constraint count as any; so does every
 * constraint of the action: a policy of another action that is asked all the same does not match.
 */
export interface Head {
  readonly principal: string | null;
  readonly resource: string | null;
}

/** The head of a parsed policy. */
export function headOf({ principal, resource }: Pick<PolicyJson, 'principal' | 'resource'>): Head {
  return { principal: onlyEntity(principal), resource: onlyEntity(resource) };
}

/** Whether the head of a policy names an action, with `==` or in a list: one without a constraint names none. */
export function namesAction({ action }: Pick<PolicyJson, 'action'>, id: string): boolean {
  const key = entityKey({ type: 'Action', id });
  if (action.op === 'All') return false;
  const named = 'entities' in action ? action.entities : 'entity' in action ? [action.entity] : [];
  return named.some((entity) => entityKey(entity) === key);
}

/** The key of an entity, different for different entities: no type contains a quote. */
export function entityKey(uid: EntityUidJson): string {
  const { type, id } = '__entity' in uid ? uid['__entity'] : uid;
  return `${type}::${JSON.stringify(id)}`;
}

/** The entity of a key. */
export function entityOf(key: string): { readonly type: string; readonly id: string } {
  const at = key.indexOf('::"');
  return { type: key.slice(0, at), id: String(JSON.parse(key.slice(at + 2))) };
}

function onlyEntity(constraint: PolicyJson['principal' | 'resource']): string | null {
  return constraint.op === '==' && 'entity' in constraint ? entityKey(constraint.entity) : null;
}
