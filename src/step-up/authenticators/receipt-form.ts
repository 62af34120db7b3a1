import { html, type Html } from './html.js';
import { linkField } from './link.js';
import { notice, type Page } from './page.js';
import type { Texts } from './texts/en.js';

/** What a page asks for a receipt with, in the place of a decision. */
export const RECEIPT = 'receipt';

/** The form with which a person who has decided gets a receipt of that: it brings the link again, and nothing is in its path. */
export function receiptForm(link: string, { receipt }: Texts): Html {
  return html`<form method="post">
    ${linkField(link)}
    <button name="decision" value="${RECEIPT}" aria-describedby="receipt">${receipt.button}</button>
    <p class="hint" id="receipt">${receipt.hint}</p>
  </form>`;
}

/** The page of a receipt that cannot be there yet. */
export function receiptLaterPage(link: string, texts: Texts): Page {
  const page = notice(texts.receipt.notYet);
  return { ...page, main: html`${page.main} ${receiptForm(link, texts)}` };
}
