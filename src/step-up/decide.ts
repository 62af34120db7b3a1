import { timingSafeEqual } from 'node:crypto';
import type { StepUpTerms } from '../zones/step-up-terms.js';
import type { AcceptedIssuers } from '../zones/zone-issuer.js';
import { challengeState, type ChallengeMoments } from './challenge.js';
import { isSamePerson, likenessOf, personOf, type Decider, type Person } from './decider.js';
import { REPORT, type MadeBy } from './decision-methods.js';
import { subjectMustSatisfy } from './type-terms.js';

/** A decision on a challenge. */
export interface DecisionInput {
  readonly method: MadeBy;
  readonly decision: 'approved' | 'rejected';
  readonly reason: string;
  readonly decider: Decider;
  /** Hex: the binding of the request that was looked at. Absent where the challenge itself was shown. */
  readonly binding?: string;
  /** How the person was authenticated (RFC 8176); empty if that is not what the decision shows. */
  readonly amr: readonly string[];
}

/** The columns of a challenge that the rules about decisions look at. */
export interface Decidable extends ChallengeMoments {
  readonly type: string;
  readonly binding: Buffer;
  readonly clientId: string;
  readonly subject: string;
  readonly subjectIssuer: string | null;
  readonly subjectType: 'user' | 'application';
  readonly involvedClientIds: readonly string[];
  readonly terms: StepUpTerms;
  readonly quorum: number;
}

/** A decision that was made before. */
export interface EarlierDecision {
  readonly decision: 'approved' | 'rejected';
  /** `null` for the operators. */
  readonly person: Person | null;
}

/** What the rules look at beside the challenge and the decision. */
export interface Circumstances {
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** The decisions on the challenge so far. */
  readonly earlier: readonly EarlierDecision[];
  /** The issuers that the zone goes by. */
  readonly ours: AcceptedIssuers | null;
  /** Whether the zone trusts the issuer that the decider names, if it names one. */
  readonly isTrusted: boolean;
}

/**
 * Why a decision does not count by the rules of the challenge.
 * - `decided`, `expired`: it is too late;
 * - `method`: the type is not satisfied by this method;
 * - `binding`: another request was looked at;
 * - `no_issuer`: the person is named without an issuer, and the subject has one;
 * - `issuer`: the person is a name of an issuer that the zone does not trust;
 * - `party`: the one who decides is a part of what is to be confirmed;
 * - `said`: the same person has decided before;
 * - `alike`: the name is that of the subject or of a person who has decided, but for its spelling or issuer;
 * - `subject`: what is missing is the approval of the subject itself.
 */
export type Objection =
  | 'decided'
  | 'expired'
  | 'method'
  | 'binding'
  | 'no_issuer'
  | 'issuer'
  | 'party'
  | 'said'
  | 'alike'
  | 'subject';

/** The subject of a challenge, as a person. */
export function subjectOf({
  subject,
  subjectIssuer,
}: Pick<Decidable, 'subject' | 'subjectIssuer'>): Person {
  return { sub: subject, issuer: subjectIssuer };
}

/**
 * The objection to a decision: it must be by a method that the type allows, on the request that was looked
 * at, by a person who can be told from others, and not by the requester or the subject unless the type says
 * so. Clients in the chain between them never may decide. Each person has one say, whatever the way. Whoever holds the
 * link to the page may refuse, since that is what its client can do anyway: it needs only not to ask again.
 *
 * @returns `null` if the decision counts
 */
export function objectionTo(
  challenge: Decidable,
  input: DecisionInput,
  circumstances: Circumstances,
): Objection | null {
  const state = challengeState(challenge, circumstances.now);
  if (state === 'expired') return 'expired';
  if (state !== 'pending') return 'decided';
  if (input.decider.kind === 'link') return input.decision === 'rejected' ? null : 'method';
  if (!isTaken(challenge.terms, input.method)) return 'method';
  if (input.binding !== undefined && !isBinding(input.binding, challenge.binding)) return 'binding';
  const { decider } = input;
  const subject = subjectOf(challenge);
  if (decider.kind === 'proof_system' && decider.by.iss === undefined && subject.issuer !== null) {
    return 'no_issuer';
  }
  if (!circumstances.isTrusted) return 'issuer';
  const person = personOf(decider, circumstances.ours);
  if (isParty(challenge, decider, person)) return 'party';
  return (
    repetition(person, subject, circumstances.earlier) ??
    (isOutsider(challenge, decider, person, circumstances.earlier) ? 'subject' : null)
  );
}

function isTaken({ satisfied_by: methods }: StepUpTerms, method: MadeBy): boolean {
  return method !== REPORT && methods.includes(method);
}

function isParty(challenge: Decidable, decider: Decider, person: Person | null): boolean {
  if (person === null) return false;
  const { terms, clientId } = challenge;
  const isSubject = isSamePerson(person, subjectOf(challenge));
  // What the subject itself shows is not the application's, also where that is the subject.
  if (isSubject && decider.kind !== 'client') return !terms.subject_may_satisfy;
  const likenessTo = (id: string) => likenessOf(person, { sub: id, issuer: null });
  if (challenge.involvedClientIds.some((id) => likenessTo(id) !== 'other')) return true;
  if (likenessTo(clientId) === 'alike') return true;
  if (likenessTo(clientId) === 'same') return !terms.requester_may_satisfy;
  return isSubject && challenge.subjectType === 'application' && !terms.subject_may_satisfy;
}

/** Whether a person has decided before, or cannot be told from the subject or from one who has. */
function repetition(
  person: Person | null,
  subject: Person,
  earlier: readonly EarlierDecision[],
): 'said' | 'alike' | null {
  const likenesses = earlier.map((one) => likenessOf(person, one.person));
  if (likenesses.includes('same')) return 'said';
  if (likenesses.includes('alike') || likenessOf(person, subject) === 'alike') return 'alike';
  return null;
}

/**
 * Whether a person has no say because only the subject's is missing: where the subject itself has to confirm,
 * others can give all approvals but one.
 */
function isOutsider(
  challenge: Decidable,
  decider: Decider,
  person: Person | null,
  earlier: readonly EarlierDecision[],
): boolean {
  const { type, terms, quorum } = challenge;
  const subject = subjectOf(challenge);
  if (!subjectMustSatisfy(type, terms)) return false;
  // With a mandate of its own an application shows nothing that it had not shown before.
  if (isSamePerson(person, subject)) return decider.kind === 'client';
  const others = earlier.filter((one) => !isSamePerson(one.person, subject));
  return others.length >= quorum - 1;
}

function isBinding(seen: string, binding: Buffer): boolean {
  const bytes = Buffer.from(seen, 'hex');
  return bytes.length === binding.length && timingSafeEqual(bytes, binding);
}
