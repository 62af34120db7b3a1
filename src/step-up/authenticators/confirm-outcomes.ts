import type { ChallengeState } from '../challenge.js';
import type { StepUpTerms } from '../../zones/step-up-terms.js';
import { confirmationMethodsFor } from '../decision-methods.js';
import type { ConfirmationMethod } from './confirmation-method.js';
import type { Confirmation, Failure } from './confirmations.service.js';
import { notice, type Page } from './page.js';
import type { Texts } from './texts/en.js';

/** What a visit ends with, after which nothing is left to decide here. */
export type End = Confirmation | 'reported';

/** The status for each {@link End}. */
export const END_STATUS: Readonly<Record<End, number>> = {
  approved: 200,
  rejected: 200,
  pending: 200,
  reported: 200,
  decided: 409,
  expired: 410,
  not_here: 403,
};

/** The page for an {@link End}. */
export function endPage(end: End, { ends }: Texts): Page {
  return notice(ends[end], end === 'approved' || end === 'pending' ? 'good' : 'plain');
}

/**
 * The page of a request that was decided on before, here or elsewhere, by which outcome: anybody may know that, since the status
 * of the challenge says so, too.
 */
export function decidedPage(state: ChallengeState, texts: Texts): Page {
  if (state !== 'approved' && state !== 'consumed' && state !== 'rejected') {
    return endPage('decided', texts);
  }
  return notice({ title: texts.ends.decided.title, text: texts.decided[state] });
}

/** What was wrong with an attempt, after which the person can try again. */
export interface Problem {
  readonly status: number;
  readonly text: (texts: Texts) => string;
  /** The method of the evidence that was wrong; `null` if it is about something else. */
  readonly method: ConfirmationMethod['name'] | null;
  /** Seconds. */
  readonly retryAfter?: number;
}

/** Something is missing in what was sent. */
export const NO_EVIDENCE: Problem = {
  status: 400,
  text: ({ problems }) => problems.noEvidence,
  method: null,
};

/** The link is none of this request. */
export const NO_LINK: Problem = {
  status: 400,
  text: ({ problems }) => problems.noLink,
  method: null,
};

/** What was shown is too long ago. */
export const UNPROVEN: Problem = {
  status: 400,
  text: ({ problems }) => problems.unproven,
  method: null,
};

/** The problem with evidence. */
export function problemOf(
  failure: Failure,
  terms: StepUpTerms,
  method: ConfirmationMethod,
): Problem {
  if (failure.failure === 'wrong') {
    const { left } = failure;
    const text = (texts: Texts) =>
      left === null
        ? method.confirmProblem(texts)
        : `${method.confirmProblem(texts)} ${texts.problems.triesLeft(left)}`;
    return { status: 400, text, method: method.name };
  }
  const seconds = Math.max(1, Math.ceil(failure.seconds / 60)) * 60;
  const passkeys = confirmationMethodsFor(terms).some(({ name }) => name === 'webauthn');
  return {
    status: 429,
    text: ({ problems }) =>
      passkeys ? problems.tooManyOrPasskey(seconds) : problems.tooMany(seconds),
    method: null,
    retryAfter: seconds,
  };
}
