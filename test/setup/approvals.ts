import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import type { TestApplication } from './agents.js';
import type { Answer, TestZone } from './zone.js';

/** The resource whose scope lets applications decide. */
export const DESK = 'resource://desk';

/** The binding of a held request, as who decides computes it. */
export const bindingOf = (request: unknown): string =>
  createHash('sha256')
    .update(canonicalize(request) ?? '')
    .digest('hex');

/** Lets applications of a zone be approvers. */
export async function openDesk(zone: Pick<TestZone, 'admin'>): Promise<void> {
  await zone.admin('POST', '/resources', { identifier: DESK, scopes: ['challenge:decide'] });
}

/** Lets an application approve a challenge: it reads what is asked for, and decides on that. */
export async function approveAs(
  who: TestApplication,
  id: string,
  body: object = {},
): Promise<Answer> {
  const token = await who.bearer({ resource: DESK, scope: 'challenge:decide' });
  const seen = await who.call('GET', `/step-up/${id}/request`, undefined, { token });
  const binding = bindingOf(seen.body['request']);
  const decision = { decision: 'approved', reason: 'looks right', binding, ...body };
  return who.call('POST', `/step-up/${id}/decision`, decision, { token });
}

/** Sets the terms of a step-up type: by default those of an approval. */
export const setType = (zone: Pick<TestZone, 'admin'>, terms: object, type = 'approval') =>
  zone.admin('PUT', `/step-up-types/${type}`, {
    lifetime_seconds: 300,
    satisfied_by: ['operator', 'approver', 'proof_system'],
    quorum: 1,
    requester_may_satisfy: false,
    subject_may_satisfy: false,
    acr: 'approval',
    reuse_seconds: 0,
    ...terms,
  });
