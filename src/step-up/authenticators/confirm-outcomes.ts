import type { StepUpTerms } from '../../zones/step-up-terms.js';
import { confirmationMethodsFor } from '../decision-methods.js';
import type { ConfirmationMethod } from './confirmation-method.js';
import type { Confirmation, Failure } from './confirmations.service.js';
import { notice, type Page } from './page.js';

/** The page of an unknown challenge. */
export const UNKNOWN = notice(
  'Nothing here',
  'This link leads to no request. It may be misspelt, or too old.',
);

/** The page and status for each outcome after which nothing is left to decide here. */
export const ENDS: Readonly<Record<Confirmation, readonly [number, Page]>> = {
  approved: [
    200,
    notice('Confirmed', 'The application can go on now. You can close this page.', 'good'),
  ],
  rejected: [200, notice('Refused', 'The application gets nothing. You can close this page.')],
  pending: [
    200,
    notice('Thank you', 'Others have to confirm it, too. You can close this page.', 'good'),
  ],
  decided: [409, notice('Already decided', 'This request has been confirmed or refused before.')],
  expired: [410, notice('Too late', 'This request has expired. The application has to ask again.')],
  not_here: [403, notice('Not confirmed here', 'Other people or systems decide on this request.')],
};

/** What was wrong with an attempt, after which the person can try again. */
export interface Problem {
  readonly status: number;
  readonly text: string;
  /** The method of the evidence that was wrong; `null` if it is about something else. */
  readonly method: ConfirmationMethod['name'] | null;
  /** Seconds. */
  readonly retryAfter?: number;
}

/** Something is missing in what was sent. */
export const NO_EVIDENCE: Problem = {
  status: 400,
  text: 'Enter the code, and choose what to do.',
  method: null,
};

/**
 * The problem with an attempt.
 *
 * @param method that of the evidence
 */
export function problemOf(
  what: Failure | 'link' | 'unproven',
  terms: StepUpTerms,
  method?: ConfirmationMethod,
): Problem {
  if (what === 'too_many') {
    const passkeys = confirmationMethodsFor(terms).some(({ name }) => name === 'webauthn');
    const text = `There were too many wrong codes. Wait a minute${passkeys ? ', or use a passkey' : ''}.`;
    return { status: 429, text, method: null, retryAfter: 60 };
  }
  return { status: 400, text: textOf(what, method), method: method?.name ?? null };
}

function textOf(what: 'wrong' | 'link' | 'unproven', method?: ConfirmationMethod): string {
  if (what === 'link') return 'That is not the link of this request. Paste the whole link.';
  if (what === 'unproven') return 'That took too long. Show who you are again.';
  return method?.confirmProblem ?? 'That was not right.';
}
