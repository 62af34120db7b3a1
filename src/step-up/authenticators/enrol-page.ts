import { html, type Html } from './html.js';
import { facts, problem, type Page } from './page.js';

/** What the enrolment page says. */
export interface EnrolPageInput {
  readonly subject: string;
  readonly issuer: string | null;
  /** The forms of the methods that an authenticator can be registered for. */
  readonly forms: readonly Html[];
  /** Whether a form needs the script of the pages. */
  readonly scripted: boolean;
  /** What went wrong with the last attempt. */
  readonly problem: string | null;
}

/** The enrolment page: the forms with which a person registers an authenticator. */
export function enrolPage({
  subject,
  issuer,
  forms,
  scripted,
  problem: wrong,
}: EnrolPageInput): Page {
  return {
    title: `${wrong === null ? '' : 'Error: '}Set up confirmation`,
    scripted,
    main: html`<h1>Set up confirmation</h1>
      <p class="lead">From now on you can confirm what applications ask for in your name.</p>
      ${facts([['You', html`${subject} ${issuer === null ? null : html`<small>${issuer}</small>`}`]])}
      ${problem(wrong)} ${forms}`,
  };
}
