import type { StepUpTerms } from '../../zones/step-up-terms.js';
import { CONFIRMATION_METHODS, confirmationMethodsFor } from '../decision-methods.js';
import type { Evidence, SubjectDecision } from './confirmations.service.js';
import { LINK_FIELD, secretIn } from './link.js';
import { RECEIPT } from './receipt-form.js';

/** The field with which a page decides whose request was shown on a code or passkey. */
export const PROOF_FIELD = 'proof';

/** The fields that the page sends. */
export const CONFIRM_FIELDS: readonly string[] = [
  LINK_FIELD,
  PROOF_FIELD,
  'decision',
  ...CONFIRMATION_METHODS.map(({ confirmField }) => confirmField),
];

const WISHES = ['later', 'not_me', RECEIPT] as const;

/** What a person who has the link can do without evidence. */
export type Wish = (typeof WISHES)[number];

/** What the page has sent, by what it shows the request on. */
export type ConfirmForm =
  | {
      readonly by: 'link';
      /** `null` for what is no secret of a link. */
      readonly link: string | null;
      readonly shown: Evidence | null;
      readonly decision: SubjectDecision | null;
      /** What needs no evidence: not to decide now, to say that this was somebody else, or to keep what was decided. */
      readonly wish: Wish | null;
    }
  | { readonly by: 'proof'; readonly proof: string; readonly decision: SubjectDecision | null }
  | { readonly by: 'evidence'; readonly shown: Evidence | null };

/** @param terms those of the challenge: evidence of a method that they do not name is none */
export function readConfirmForm(
  fields: Readonly<Partial<Record<string, string>>>,
  terms: StepUpTerms,
): ConfirmForm {
  const shown = evidenceIn(fields, terms);
  const decision = decisionIn(fields['decision']);
  const link = fields[LINK_FIELD];
  if (link !== undefined) {
    const wish = WISHES.find((one) => one === fields['decision']) ?? null;
    return { by: 'link', link: secretIn(link), shown, decision, wish };
  }
  const proof = fields[PROOF_FIELD];
  if (proof !== undefined) return { by: 'proof', proof, decision };
  return { by: 'evidence', shown };
}

function evidenceIn(
  fields: Readonly<Partial<Record<string, string>>>,
  terms: StepUpTerms,
): Evidence | null {
  for (const method of confirmationMethodsFor(terms).toReversed()) {
    const evidence = fields[method.confirmField];
    if (evidence !== undefined) return { method, evidence };
  }
  return null;
}

function decisionIn(text: string | undefined): SubjectDecision | null {
  return text === 'approved' || text === 'rejected' ? text : null;
}
