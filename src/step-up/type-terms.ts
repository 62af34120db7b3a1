import type { StepUpTerms } from '../zones/step-up-terms.js';
import {
  authenticates,
  CONFIRMATION_METHODS,
  DECISION_METHODS,
  type DecisionMethod,
} from './decision-methods.js';

/** The type that is meant where a request wants fresh authentication and does not say of which kind. */
export const DEFAULT_TYPE = 'mfa';

/** The names of the methods by which no one but the subject confirms. */
const SUBJECT_METHODS: readonly string[] = CONFIRMATION_METHODS.map(({ name }) => name);

/** The names of the methods by which the subject can show who it is. */
const AUTHENTICATING: readonly string[] = DECISION_METHODS.filter(authenticates);

/**
 * The methods that satisfy `mfa` where a zone has set no terms. A new method is not among them by itself:
 * whether a zone accepts it is for its operators to say.
 */
export const MFA_METHODS: readonly DecisionMethod[] = [
  'totp',
  'webauthn',
  'recovery_code',
  'proof_system',
];

/**
 * The terms of a type that a zone has set none for: `mfa` is confirmed by the subject, every other type
 * by operators, approvers or proof systems.
 */
export function defaultTerms(type: string): StepUpTerms {
  const own = type === DEFAULT_TYPE;
  return {
    lifetime_seconds: 300,
    satisfied_by: own ? [...MFA_METHODS] : ['operator', 'approver', 'proof_system'],
    quorum: 1,
    requester_may_satisfy: false,
    subject_may_satisfy: own,
    subject_must_satisfy: own,
    acr: type,
    reuse_seconds: 0,
  };
}

/** The terms of a type in a zone. */
export function termsOf(types: ReadonlyMap<string, StepUpTerms>, type: string): StepUpTerms {
  return types.get(type) ?? defaultTerms(type);
}

/** Whether the subject can satisfy a type by showing who it is: others' approval is no authentication. */
export function canAuthenticate(terms: StepUpTerms): boolean {
  return (
    terms.subject_may_satisfy && terms.satisfied_by.some((name) => AUTHENTICATING.includes(name))
  );
}

/**
 * Whether the subject itself has to be among those who approve. `mfa` is authentication of the subject, unless
 * a zone says that it is not the subject's to satisfy.
 */
export function subjectMustSatisfy(type: string, terms: StepUpTerms): boolean {
  return terms.subject_must_satisfy ?? (type === DEFAULT_TYPE && canAuthenticate(terms));
}

/**
 * The type whose challenges lead to one of the wanted `acr` values, the first one first (RFC 9470 4): one
 * that the subject can satisfy, as an `acr` is said of the subject.
 *
 * @returns `null` if there is none
 */
export function typeForAcr(
  types: ReadonlyMap<string, StepUpTerms>,
  acrValues: readonly string[],
): string | null {
  for (const acr of acrValues) {
    for (const [type, terms] of types) {
      if (terms.acr === acr && canAuthenticate(terms)) return type;
    }
    if (acr === DEFAULT_TYPE && !types.has(DEFAULT_TYPE)) return DEFAULT_TYPE;
  }
  return null;
}

/**
 * Why challenges of such terms could never be satisfied.
 *
 * @returns `null` if they can be
 */
export function impossibilityOf(terms: StepUpTerms): string | null {
  const { satisfied_by: methods, quorum, subject_may_satisfy: subjectMay } = terms;
  const others = methods.filter((method) => !SUBJECT_METHODS.includes(method));
  if (others.length === 0 && !subjectMay) {
    return `${SUBJECT_METHODS.join(' and ')} are the subject's, so subject_may_satisfy has to be true`;
  }
  if (terms.subject_must_satisfy === true && !canAuthenticate(terms)) {
    return `subject_must_satisfy needs subject_may_satisfy, and one of ${AUTHENTICATING.join(', ')}`;
  }
  if (quorum > 1 && terms.reuse_seconds > 0) {
    return 'reuse_seconds is for what one person has shown, so the quorum has to be 1';
  }
  const several = others.some((method) => method === 'approver' || method === 'proof_system');
  // The subject is one person, by whichever methods, and so are all operators.
  const most =
    (methods.includes('operator') ? 1 : 0) + (others.length < methods.length && subjectMay ? 1 : 0);
  if (!several && quorum > most) return `there are no more than ${most} who could decide`;
  return null;
}
