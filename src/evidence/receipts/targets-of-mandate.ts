import { createHash } from 'node:crypto';
import {
  isJsonArray,
  isJsonObject,
  type JsonObject,
  type JsonValue,
} from '../../oauth/strict-json.js';
import type { Statement } from './statement.js';

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

/** Whether an order to take a target back took a mandate back. */
export function isAmongTargets(target: JsonValue | undefined, issued: Statement): boolean {
  const asked = JSON.stringify(target);
  return targetsOf(issued).some((one) => JSON.stringify(one) === asked);
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
