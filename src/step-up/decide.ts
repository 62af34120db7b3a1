import { timingSafeEqual } from 'node:crypto';
import type { StepUpTerms } from '../zones/step-up-terms.js';
import { challengeState, type ChallengeMoments } from './challenge.js';
import type { DecisionMethod } from './decision-methods.js';

/** A decision of one person or system on a challenge. */
export interface DecisionInput {
  readonly method: DecisionMethod;
  readonly decision: 'approved' | 'rejected';
  readonly reason: string;
  /** The person or system that decides, such as `client:{id}`: each counts once. */
  readonly decidedBy: string;
  /** The client that decides, if it is one. */
  readonly clientId?: string;
  /** The person who decides, if that is known. */
  readonly person?: { readonly sub: string; readonly issuer: string | null };
  /** Hex: the binding of the request that was looked at. Absent where the challenge itself was shown. */
  readonly binding?: string;
  /** How the person was authenticated (RFC 8176). */
  readonly amr: readonly string[];
}

/** The columns of a challenge that the rules about decisions look at. */
export interface Decidable extends ChallengeMoments {
  readonly binding: Buffer;
  readonly clientId: string;
  readonly subject: string;
  readonly subjectIssuer: string | null;
  readonly subjectType: 'user' | 'application';
  readonly involvedClientIds: readonly string[];
  readonly terms: StepUpTerms;
}

/**
 * Why a decision does not count by the rules of the challenge.
 * - `decided`, `expired`: it is too late;
 * - `method`: the type is not satisfied by this method;
 * - `binding`: another request was looked at;
 * - `party`: the one who decides is a part of what is to be confirmed.
 */
export type Objection = 'decided' | 'expired' | 'method' | 'binding' | 'party';

/**
 * The objection to a decision: it must be by a method that the type allows, on the request that was looked
 * at, and not by the requester or the subject unless the type says so. Clients in the chain between them
 * never may decide.
 *
 * @param now milliseconds since the epoch
 * @returns `null` if the decision counts
 */
export function objectionTo(
  challenge: Decidable,
  input: DecisionInput,
  now: number,
): Objection | null {
  const state = challengeState(challenge, now);
  if (state === 'expired') return 'expired';
  if (state !== 'pending') return 'decided';
  if (!challenge.terms.satisfied_by.includes(input.method)) return 'method';
  if (input.binding !== undefined && !isBinding(input.binding, challenge.binding)) return 'binding';
  return isParty(challenge, input) ? 'party' : null;
}

function isParty(challenge: Decidable, { clientId, person }: DecisionInput): boolean {
  const { terms, subject, subjectIssuer, subjectType } = challenge;
  if (clientId !== undefined) {
    if (challenge.involvedClientIds.includes(clientId)) return true;
    if (clientId === challenge.clientId && !terms.requester_may_satisfy) return true;
    const itself = subjectType === 'application' && clientId === subject;
    // Where an application asks for itself, the one flag says all that there is to say.
    if (itself && clientId !== challenge.clientId && !terms.subject_may_satisfy) return true;
  }
  const isSubject = person?.sub === subject && person.issuer === subjectIssuer;
  return isSubject && !terms.subject_may_satisfy;
}

function isBinding(seen: string, binding: Buffer): boolean {
  const bytes = Buffer.from(seen, 'hex');
  return bytes.length === binding.length && timingSafeEqual(bytes, binding);
}
