import { expect } from 'vitest';
import { rows } from './harness.js';
import type { Answer, TestZone } from './zone.js';
import { databaseOf } from './zone-database.js';

/** Permits everything; whoever wants to write needs an approval. */
export const APPROVE_WRITES = `@id("all") permit (principal, action == Action::"TokenExchange", resource);
@id("confirm") @step_up("approval")
forbid (principal, action == Action::"TokenExchange", resource)
when { context.requested_scopes.contains("a:write") };`;

/** A request that was held: what redeems it. */
export interface Held {
  readonly id: string;
  readonly requestId: string;
  /** The link to the page on which the subject confirms, if it may do so there. */
  readonly confirmUri: string | null;
  /** What to send with the same request. */
  readonly response: { readonly challenge_id: string; readonly challenge_response: string };
}

/** Reads a held request's answer, and fails if it is anything else. */
export function heldIn({ status, body, requestId }: Answer): Held {
  expect({ status, body }).toMatchObject({ status: 401, body: { error: 'interaction_required' } });
  const id = String(body['challenge_id']);
  return {
    id,
    requestId,
    confirmUri: typeof body['confirm_uri'] === 'string' ? body['confirm_uri'] : null,
    response: { challenge_id: id, challenge_response: String(body['challenge_secret']) },
  };
}

/** Lets a challenge be approved or rejected: by its subject where the type lets that, else by the operators. */
export async function settle(
  { replica, zoneId }: Pick<TestZone, 'replica'> & Partial<Pick<TestZone, 'zoneId'>>,
  id: string,
  decision: 'approved' | 'rejected' = 'approved',
): Promise<void> {
  // By SQL, since who may do so is not what these tests are about.
  await rows(
    zoneId === undefined ? replica.databaseUrl : await databaseOf(replica.databaseUrl, zoneId),
    `WITH decided AS (
       UPDATE challenges SET decision = $2, decided_at = now(), approvals = 1, acr = terms->>'acr', amr = '{test}',
                             auth_time = now()
        WHERE id = $1 RETURNING *, (terms->>'subject_may_satisfy')::boolean AS by_subject)
     INSERT INTO challenge_decisions (zone_id, challenge_id, decided_by, method, decision, reason, amr)
     SELECT zone_id, id,
            CASE WHEN by_subject THEN 'subject:' || json_build_array(subject_issuer, subject) ELSE 'operator:admin key' END,
            CASE WHEN by_subject THEN 'totp' ELSE 'operator' END,
            decision, 'settled by a test', CASE WHEN by_subject THEN '{test}'::text[] ELSE '{}' END
       FROM decided`,
    [id, decision],
  );
}
