import type { ChallengeDecision } from './challenge-decision.entity.js';
import type { Challenge } from './challenge.entity.js';
import { subjectOf, type Decidable, type EarlierDecision } from './decide.js';
import { isSamePerson, likenessOf, readPerson, type Person } from './decider.js';
import { authenticates, type MadeBy } from './decision-methods.js';
import { subjectMustSatisfy } from './type-terms.js';

/** A decision as it counts towards the approval of a challenge. */
export interface CountedDecision extends EarlierDecision {
  readonly method: MadeBy;
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

/** The columns of a challenge that a decision changes. */
type Settled = Partial<
  Pick<Challenge, 'approvals' | 'amr' | 'decision' | 'decidedAt' | 'acr' | 'authTime'>
>;

/** What a new decision changes of a challenge, and whether it settles it: a rejection does, and the last approval. */
export function settledBy(
  challenge: Challenge,
  earlier: readonly CountedDecision[],
  latest: CountedDecision,
): Settled {
  const { approvals, shown, isFull } = approvalOf(challenge, [...earlier, latest]);
  const rejected = latest.decision === 'rejected';
  const decision = rejected ? 'rejected' : isFull ? 'approved' : null;
  return {
    approvals,
    ...(decision === null ? {} : { decision, decidedAt: latest.decidedAt }),
    // For the version before, which redeems by these; this one by the decisions.
    ...(shown === null || rejected
      ? {}
      : { acr: challenge.terms.acr, amr: [...shown.amr], authTime: shown.at }),
  };
}
