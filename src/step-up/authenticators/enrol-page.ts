import { html, type Html } from './html.js';
import { linkForm } from './link.js';
import { codesList } from './recovery-code/recovery-code-forms.js';
import { facts, notice, problem, type Page } from './page.js';

/** What the enrolment page says to a person who has brought the link. */
export interface EnrolPageInput {
  readonly subject: string;
  readonly issuer: string | null;
  /** The forms of the methods that an authenticator can be registered for. */
  readonly forms: readonly Html[];
  /** Whether a form needs the script for passkeys. */
  readonly passkeys: boolean;
  /** What went wrong with the last attempt. */
  readonly problem: string | null;
}

/** The enrolment page: the forms with which a person registers an authenticator. */
export function enrolPage({
  subject,
  issuer,
  forms,
  passkeys,
  problem: wrong,
}: EnrolPageInput): Page {
  return {
    title: `${wrong === null ? '' : 'Error: '}Set up confirmation`,
    passkeys,
    main: html`<h1>Set up confirmation</h1>
      <p class="lead">From now on you can confirm what applications ask for in your name.</p>
      ${facts([['You', html`${subject} ${issuer === null ? null : html`<small>${issuer}</small>`}`]])}
      ${problem(wrong)} ${forms}`,
  };
}

/** What a person reads who has set something up: the recovery codes, too, where there are new ones. */
export function donePage(codes: readonly string[]): Page {
  if (codes.length === 0) return DONE;
  return { ...WITH_CODES, codes: true, main: html`${WITH_CODES.main} ${codesList(codes)}` };
}

const DONE = notice(
  'That works',
  'From now on you can confirm requests with it. You can close this page.',
  'good',
);

const WITH_CODES = notice(
  'That works',
  'From now on you can confirm requests with it. Before you close this page, keep the codes below.',
  'good',
);

/** What is there before the link is: the form that sends it. */
export const ENROL_LINK_PAGE: Page = {
  title: 'Set up confirmation',
  main: html`<h1>Set up confirmation</h1>
    <p class="lead">Here you set up what you confirm the requests of applications with.</p>
    ${linkForm('Continue')}`,
};
