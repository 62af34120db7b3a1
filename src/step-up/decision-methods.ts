import type { StepUpTerms } from '../zones/step-up-terms.js';
import type { ConfirmationMethod } from './authenticators/confirmation-method.js';
import { passkey } from './authenticators/passkey/passkey.js';
import { recoveryCode } from './authenticators/recovery-code/recovery-code.js';
import { totp } from './authenticators/totp/totp.js';

/** The methods by which the subject itself confirms, in the order in which the pages offer them. */
export const CONFIRMATION_METHODS = [
  passkey,
  totp,
  recoveryCode,
] as const satisfies ConfirmationMethod[];

/** The methods by which the subject may confirm on such terms, in the order in which the pages offer them. */
export function confirmationMethodsFor(
  terms: Pick<StepUpTerms, 'satisfied_by' | 'subject_may_satisfy'>,
): readonly (typeof CONFIRMATION_METHODS)[number][] {
  if (!terms.subject_may_satisfy) return [];
  return CONFIRMATION_METHODS.filter(({ name }) => terms.satisfied_by.includes(name));
}

/** The methods that need no authenticator here: the admin API, session mandates, and systems that confirm for people. */
const OTHER_METHODS = ['operator', 'approver', 'proof_system'] as const;

/**
 * Whether a decision by this method shows who the person is, so that it authenticates the subject where the
 * person is the subject. Operators and approvers only say yes or no.
 */
export function authenticates(method: MadeBy): boolean {
  return method !== 'operator' && method !== 'approver' && method !== REPORT;
}

/** A way to decide on a challenge. */
export type DecisionMethod =
  (typeof OTHER_METHODS)[number] | (typeof CONFIRMATION_METHODS)[number]['name'];

/**
 * How whoever holds the link to the page refuses what this person knows nothing of. No type is satisfied by it: it
 * approves nothing.
 */
export const REPORT = 'report' as const;

/** How a decision was made. */
export type MadeBy = DecisionMethod | typeof REPORT;

/** All ways to decide on a challenge: what a type may be satisfied by. */
export const DECISION_METHODS: readonly DecisionMethod[] = [
  ...OTHER_METHODS,
  ...CONFIRMATION_METHODS.map(({ name }) => name),
];
