import type { ChallengeState } from '../challenge.js';
import type { StepUpTerms } from '../../zones/step-up-terms.js';
import { confirmationMethodsFor } from '../decision-methods.js';
import { duration } from '../describe-challenge.js';
import type { ConfirmationMethod } from './confirmation-method.js';
import type { Confirmation, Failure } from './confirmations.service.js';
import { notice, type Page } from './page.js';

/** The page of an unknown challenge. */
export const UNKNOWN = notice(
  'Nothing here',
  'This link leads to no request. It may be misspelt, or too old.',
);

/** What a visit ends with, after which nothing is left to decide here. */
export type End = Confirmation | 'reported';

/** The page and status for each {@link End}. */
export const ENDS: Readonly<Record<End, readonly [number, Page]>> = {
  approved: [
    200,
    notice('Confirmed', 'The application can go on now. You can close this page.', 'good'),
  ],
  rejected: [200, notice('Refused', 'The application gets nothing. You can close this page.')],
  pending: [
    200,
    notice('Thank you', 'Others have to confirm it, too. You can close this page.', 'good'),
  ],
  reported: [
    200,
    notice(
      'Reported',
      'The request is refused for good, and those who run this service are told that it was not you. You can close this page.',
    ),
  ],
  decided: [409, notice('Already decided', 'This request has been confirmed or refused before.')],
  expired: [410, notice('Too late', 'This request has expired. The application has to ask again.')],
  not_here: [403, notice('Not confirmed here', 'Other people or systems decide on this request.')],
};

/** What anybody may know of a request that was decided on: the status of the challenge says so, too. */
const DECIDED: Readonly<Partial<Record<ChallengeState, string>>> = {
  approved: 'It was confirmed. The application can go on.',
  consumed: 'It was confirmed, and the application has gone on.',
  rejected: 'It was refused. The application gets nothing.',
};

/** The page of a request that was decided on before, here or elsewhere, by which outcome. */
export function decidedPage(state: ChallengeState): Page {
  const text = DECIDED[state];
  if (text === undefined) return ENDS.decided[1];
  return notice('Already decided', `Nothing that you do here changes this request. ${text}`);
}

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

/** The link is none of this request. */
export const NO_LINK: Problem = {
  status: 400,
  text: 'That is not the link of this request. Paste the whole link.',
  method: null,
};

/** What was shown is too long ago. */
export const UNPROVEN: Problem = {
  status: 400,
  text: 'That took too long. Show who you are again.',
  method: null,
};

/** The problem with evidence. */
export function problemOf(
  failure: Failure,
  terms: StepUpTerms,
  method: ConfirmationMethod,
): Problem {
  if (failure.failure === 'wrong') {
    const text = `${method.confirmProblem}${triesLeft(failure.left)}`;
    return { status: 400, text, method: method.name };
  }
  const minutes = Math.max(1, Math.ceil(failure.seconds / 60));
  const passkeys = confirmationMethodsFor(terms).some(({ name }) => name === 'webauthn');
  const text = `There were too many wrong codes. Wait ${duration(minutes * 60)}${passkeys ? ', or use a passkey' : ''}.`;
  return { status: 429, text, method: null, retryAfter: minutes * 60 };
}

function triesLeft(left: number | null): string {
  if (left === null) return '';
  if (left === 0) return ' That was the last try for now.';
  return ` You can try ${left === 1 ? 'once' : `${left} times`} more.`;
}
