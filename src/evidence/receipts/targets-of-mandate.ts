import { createHash } from 'node:crypto';
import {
  isJsonArray,
  isJsonObject,
  type JsonObject,
  type JsonValue,
} from '../../oauth/strict-json.js';
import type { Statement } from './statement.js';

/** Seconds for which verifiers may still accept a mandate that has expired (`LEEWAY` of keys). */
export const HONOURED_AFTER = 60;

/**
 * What operators may have ordered to be taken back so that a mandate went with it, in the form that orders have: an object with
 * one member. Beside its `jti`, by which it is taken back alone.
 *
 * @param issued what the receipt says that it was issued: of resources, those that its reader may know of
 */
export function targetsOf(issued: Statement): readonly JsonObject[] {
  const mandate = objectIn(issued['mandate']);
  const { sub, sub_iss: iss } = mandate;
  return [
    ...named('session_id', mandate['sid']),
    ...named('root_session_id', mandate['root_sid']),
    ...named('agent_session_id', mandate['agent_session_id']),
    ...listIn(mandate['delegation_path']).flatMap((id) => named('delegation_edge_id', id)),
    ...named('client_id', issued['client_id']),
    ...listIn(mandate['target']).flatMap((resource) => named('resource', resource)),
    ...named('issuer', iss),
    ...(typeof sub === 'string' && typeof iss === 'string' ? [{ subject: { sub, iss } }] : []),
    ...named('policy_set_version_id', objectIn(issued['policy'])['policy_set_version_id']),
    ...named('kid', mandate['kid']),
    { zone: true },
  ];
}

/**
 * Whether an order took a mandate back: one for what the mandate rests on, between when it was issued and when nobody honoured
 * it any more. Of one that came before it knows nothing, and of a later one its reader is to know nothing.
 *
 * @param order what was ordered to be taken back, and when it was recorded, as events have it
 * @param issued what the receipt says that was issued
 */
export function tookBack(
  order: { readonly target: JsonValue | undefined; readonly at: JsonValue | undefined },
  issued: Statement,
): boolean {
  const { target, at } = order;
  const { at: since } = issued;
  if (typeof at !== 'string' || typeof since !== 'string' || at < since) return false;
  if (!(Date.parse(at) <= honouredUntil(issued) * 1_000)) return false;
  const asked = inOrder(target);
  return targetsOf(issued).some((one) => inOrder(one) === asked);
}

/** Until when a mandate may have been honoured, in seconds since the epoch; 0 where that is not said. */
export function honouredUntil(issued: Statement): number {
  const { exp } = objectIn(issued['mandate']);
  return typeof exp === 'number' ? exp + HONOURED_AFTER : 0;
}

/** A target as text, its members in one order: events do not keep that in which they were written. */
function inOrder(target: JsonValue | undefined): string | undefined {
  if (target === undefined || !isJsonObject(target)) return undefined;
  const { subject } = target;
  if (subject === undefined || !isJsonObject(subject)) return JSON.stringify(target);
  const { sub = null, iss = null, ...more } = subject;
  return JSON.stringify({ ...target, subject: { ...more, sub, iss } });
}

/** By what orders of a target are found: SHA-256 of its one form, as `revocation_orders` has it. */
export function keyOfTarget(target: JsonObject): Buffer {
  return createHash('sha256').update(JSON.stringify(target)).digest();
}

function named(name: string, value: JsonValue | undefined): JsonObject[] {
  return typeof value === 'string' ? [{ [name]: value }] : [];
}

function objectIn(value: JsonValue | undefined): JsonObject {
  return isJsonObject(value) ? value : {};
}

function listIn(value: JsonValue | undefined): readonly JsonValue[] {
  return value !== undefined && isJsonArray(value) ? value : [];
}
