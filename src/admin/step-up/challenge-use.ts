import type { EntityManager } from 'typeorm';
import { countRows, type Counts } from '../../platform/database/bounded-count.js';

/** How many challenges wait that something has to do with. */
export type UseForChallenges = Counts<'challenges_pending'>;

/**
 * Counts the challenges that wait, and that a method may decide on.
 *
 * @param types of these types; of any if empty
 */
export function pendingBy(
  tx: EntityManager,
  zoneId: string,
  method: string,
  types: readonly string[],
): Promise<UseForChallenges> {
  const ofTypes = `($3 = '[]' OR c.type IN (SELECT jsonb_array_elements_text($3::jsonb)))`;
  const from = `${PENDING} AND c.terms->'satisfied_by' ? $2 AND ${ofTypes}`;
  const parameters = [zoneId, method, JSON.stringify(types)];
  return countRows(tx, { challenges_pending: from }, parameters);
}

/** Counts the challenges of a type that wait: those go on under the terms that they were opened under. */
export function pendingOfType(
  tx: EntityManager,
  zoneId: string,
  type: string,
): Promise<UseForChallenges> {
  return countRows(tx, { challenges_pending: `${PENDING} AND c.type = $2` }, [zoneId, type]);
}

/** Counts the challenges that wait for one subject. */
export function pendingOfSubject(
  tx: EntityManager,
  zoneId: string,
  { subject, subjectIssuer }: { readonly subject: string; readonly subjectIssuer: string | null },
): Promise<UseForChallenges> {
  const from = `${PENDING} AND c.subject = $2 AND coalesce(c.subject_issuer, '') = $3`;
  return countRows(tx, { challenges_pending: from }, [zoneId, subject, subjectIssuer ?? '']);
}

const PENDING = `challenges c WHERE c.zone_id = $1 AND c.decision IS NULL AND c.expires_at > clock_timestamp()`;
