import type { ChallengeDecision } from './challenge-decision.entity.js';
import type { Challenge } from './challenge.entity.js';
import { subjectOf, type Decidable, type EarlierDecision } from './decide.js';
import { isSamePerson, likenessOf, readPerson, type Person } from './decider.js';
import { authenticates, type DecisionMethod } from './decision-methods.js';
import { subjectMustSatisfy } from './type-terms.js';

/** A decision as it counts towards the approval of a challenge. */
export interface CountedDecision extends EarlierDecision {
  readonly method: DecisionMethod;
  readonly amr: readonly string[];
  readonly decidedAt: Date;
}

/** What the decisions on a challenge amount to. */
export interface Approval {
  /** The number of persons who have approved. */
  readonly approvals: number;
  /** How and when the subject itself has shown who it is; `null` if it has not: only others have decided. */
  readonly shown: { readonly amr: readonly string[]; readonly at: Date } | null;
  /** Whether that is what the type wants. */
  readonly isFull: boolean;
}

/** Counts the persons who have approved, each once, and finds what the subject has shown among it. */
export function approvalOf(
  challenge: Pick<Decidable, 'type' | 'terms' | 'quorum' | 'subject' | 'subjectIssuer'>,
  decisions: readonly CountedDecision[],
): Approval {
  const subject = subjectOf(challenge);
  const persons: (Person | null)[] = [];
  let shown: Approval['shown'] = null;
  for (const { decision, person, method, amr, decidedAt } of decisions) {
    if (decision !== 'approved') continue;
    if (persons.every((one) => likenessOf(one, person) === 'other')) persons.push(person);
    if (authenticates(method) && isSamePerson(person, subject)) shown ??= { amr, at: decidedAt };
  }
  const subjectOwes = subjectMustSatisfy(challenge.type, challenge.terms) && shown === null;
  const isFull = persons.length >= challenge.quorum && !subjectOwes;
  return { approvals: persons.length, shown, isFull };
}

/** All stored decisions on a challenge, as they count. */
export function countedDecisions(
  challenge: Pick<Challenge, 'amr'>,
  decisions: readonly ChallengeDecision[],
): CountedDecision[] {
  // The version before keeps how persons were authenticated with the challenge, that of all of them together.
  const kept = decisions.length === 1 ? challenge.amr : null;
  return decisions.map(({ method, decision, person, amr, decidedAt }) => ({
    method,
    decision,
    person: readPerson(person),
    amr: amr ?? kept ?? [],
    decidedAt,
  }));
}
