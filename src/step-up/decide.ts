import { timingSafeEqual } from 'node:crypto';
import type { StepUpTerms } from '../zones/step-up-terms.js';
import { challengeState, type ChallengeMoments } from './challenge.js';
import type { DecisionMethod } from './decision-methods.js';

/** What one person or system says to a challenge. */
export interface DecisionInput {
  readonly method: DecisionMethod;
  readonly decision: 'approved' | 'rejected';
  readonly reason: string;
  /** Who says so, for the record and to count each but once, such as `client:{id}`. */
  readonly decidedBy: string;
  /** The client that says so, if it is one. */
  readonly clientId?: string;
  /** The person that it is said for, if that is known. */
  readonly person?: { readonly sub: string; readonly issuer: string | null };
  /** Hex: what was looked at before deciding. Absent where the challenge itself was shown. */
  readonly binding?: string;
  /** How it was shown (RFC 8176). */
  readonly amr: readonly string[];
}

/** A challenge as those see it who decide. */
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
 * Why somebody's say does not count.
 * - `decided`, `expired`: it is too late;
 * - `method`: the type is not satisfied in this way;
 * - `binding`: they have looked at something else;
 * - `party`: they are a part of what is to be confirmed.
 */
export type Objection = 'decided' | 'expired' | 'method' | 'binding' | 'party';

/**
 * Whether somebody may decide on a challenge: in a way that the type allows, on what they saw, and not on
 * what they asked for themselves unless the type says so. Whoever is in the chain that asks never may.
 *
 * @param now milliseconds since the epoch
 * @returns what stands against it; `null` if nothing does
 */
export function objectionTo(
  challenge: Decidable,
  say: DecisionInput,
  now: number,
): Objection | null {
  const state = challengeState(challenge, now);
  if (state === 'expired') return 'expired';
  if (state !== 'pending') return 'decided';
  if (!challenge.terms.satisfied_by.includes(say.method)) return 'method';
  if (say.binding !== undefined && !isBinding(say.binding, challenge.binding)) return 'binding';
  return isParty(challenge, say) ? 'party' : null;
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
