import { html, type Html } from './html.js';
import { linkForm } from './link.js';
import { codesList } from './recovery-code/recovery-code-forms.js';
import { facts, notice, problem, type Page } from './page.js';
import type { Texts } from './texts/en.js';

/** What the enrolment page says to a person who has brought the link. */
export interface EnrolPageInput {
  readonly texts: Texts;
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
  texts,
  subject,
  issuer,
  forms,
  passkeys,
  problem: wrong,
}: EnrolPageInput): Page {
  const { title, lead, you } = texts.enrol;
  return {
    title: wrong === null ? title : texts.errorTitle(title),
    passkeys,
    main: html`<h1>${title}</h1>
      <p class="lead">${lead}</p>
      ${facts([[you, html`${subject} ${issuer === null ? null : html`<small>${issuer}</small>`}`]])}
      ${problem(wrong)} ${forms}`,
  };
}

/** What a person reads who has set something up: the recovery codes, too, where there are new ones. */
export function donePage(codes: readonly string[], texts: Texts): Page {
  if (codes.length === 0) return notice(texts.enrol.done, 'good');
  const page = notice(texts.enrol.doneWithCodes, 'good');
  return { ...page, codes: true, main: html`${page.main} ${codesList(codes, texts)}` };
}

/** What is there before the link is: the form that sends it. */
export function enrolLinkPage({ enrol: { title, linkLead }, link }: Texts): Page {
  return {
    title,
    main: html`<h1>${title}</h1>
      <p class="lead">${linkLead}</p>
      ${linkForm(link, link.goOn)}`,
  };
}
