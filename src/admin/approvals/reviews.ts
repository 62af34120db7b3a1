import type { EntityManager } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import type { Zone } from '../../zones/zone.entity.js';
import type { Change } from '../change.js';
import { canReview } from './approvers.js';

/** Days for a second operator to look at what was done in an emergency. After that it counts as not reviewed. */
export const REVIEW_DAYS = 30;

/** Something that could not wait for a second person, and is put up for one to look at. */
export interface Emergency {
  readonly action: 'emergency_rotation' | 'revoke_signing_key';
  /** What was done, in words. */
  readonly summary: string;
}

/**
 * Whether a change is one that is made at once, and looked at by a second operator after: to withdraw a signing key.
 *
 * @param zone as it was before
 * @param details what the audit event is going to say of it
 */
export function emergencyOf(
  { type, zoneId }: Pick<Change, 'type' | 'zoneId'>,
  zone: Pick<Zone, 'name'> | null,
  details: Readonly<Record<string, unknown>>,
): Emergency | null {
  const named = `the zone ${JSON.stringify(zone?.name ?? zoneId)}`;
  if (type === 'signing_key.rotated' && details['emergency'] === true) {
    const summary = `rotated the signing keys of ${named} in an emergency`;
    return { action: 'emergency_rotation', summary };
  }
  const kid = type === 'revocation.ordered' ? details['revoked_kid'] : undefined;
  if (typeof kid !== 'string') return null;
  return { action: 'revoke_signing_key', summary: `revoked the signing key ${kid} of ${named}` };
}

/**
 * Puts up for review what was done in an emergency, in the transaction that does it. Where nobody else could look at it, it
 * counts as not reviewed from the beginning.
 *
 * @returns what the audit event says of that
 */
export async function putUpForReview(
  tx: EntityManager,
  { zoneId, requestId, operator }: Change,
  { action, summary }: Emergency,
): Promise<Readonly<Record<string, unknown>>> {
  const id = uuidv7();
  const { id: operatorId, name } = operator;
  const open = await canReview(tx, operatorId, zoneId);
  const asked = [id, zoneId, action, summary, operatorId, name, requestId.request_id];
  await tx.query(REVIEW, [...asked, open ? REVIEW_DAYS : 0]);
  return { review_id: id, ...(open ? {} : { reviewable: false }) };
}

const REVIEW = `
  INSERT INTO approvals (id, zone_id, kind, action, summary, operator_id, operator, request_id, expires_at, lapsed_at)
  VALUES ($1, $2, 'review', $3, $4, $5, $6, $7, now() + make_interval(days => $8::int), CASE WHEN $8::int = 0 THEN now() END)`;
