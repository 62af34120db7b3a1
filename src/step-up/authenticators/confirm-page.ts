import type { HeldRequest } from '../challenge.js';
import { PROOF_FIELD } from './confirm-form.js';
import { html, type Html } from './html.js';
import { linkField, linkForm } from './link.js';
import { decisionButtons, problem, type Page } from './page.js';
import { exactNames, factsOf } from './request-facts.js';
import type { RequestWords } from './request-words.js';
import type { Texts } from './texts/en.js';

/** What the confirmation page says before it shows the request: nothing about that. */
export interface UnshownPageInput {
  readonly texts: Texts;
  /** The forms of the methods by which it can be confirmed. */
  readonly forms: readonly Html[];
  /** Whether a form needs the script for passkeys. */
  readonly passkeys: boolean;
  /** What went wrong with the last attempt. */
  readonly problem: string | null;
  readonly minutesLeft: number;
}

/** What the confirmation page says. */
export interface ConfirmPageInput extends UnshownPageInput {
  readonly request: HeldRequest;
  readonly words: RequestWords;
  /** The secret of the link by which it is shown; `null` where it is shown on a code or passkey. */
  readonly link: string | null;
}

/** The confirmation page before the request is shown: the forms of the link, and of those who do without it. */
export function unshownPage(about: UnshownPageInput): Page {
  const { texts, forms, passkeys, problem: wrong, minutesLeft } = about;
  const { title, lead, withoutLink, showWhoYouAre, endsIn } = texts.unshown;
  return {
    title: titled(wrong, title, texts),
    passkeys,
    main: html`<h1>${title}</h1>
      ${problem(wrong)}
      <p class="lead">${lead}</p>
      ${linkForm(texts.link, texts.link.showRequest)}
      <h2>${withoutLink}</h2>
      <p>${showWhoYouAre}</p>
      ${forms}
      <p class="hint">${texts.confirm.notSetUp} ${endsIn(minutesLeft * 60)}</p>`,
  };
}

/** The form of a person who was shown the request on a code or passkey. */
export function proofForm(proof: string, texts: Texts): Html {
  return html`<form method="post" autocomplete="off">
    <input type="hidden" name="${PROOF_FIELD}" value="${proof}" />
    ${decisionButtons(texts.decide)}
  </form>`;
}

/** The confirmation page: which application asks for what, for how long, and the forms to confirm or refuse it. */
export function confirmPage(about: ConfirmPageInput): Page {
  const { texts, request, words, forms, passkeys, link, problem: wrong, minutesLeft } = about;
  const { title, lead, decision, refuseUnknown } = texts.confirm;
  return {
    title: titled(wrong, title, texts),
    passkeys,
    organisation: words.organisation,
    logo: words.logo,
    main: html`<h1>${title}</h1>
      ${problem(wrong)}
      <p class="lead">${lead(words.clients.get(request.client_id)?.name ?? null)}</p>
      ${factsOf(request, words, texts)} ${exactNames(request, words, texts)}
      <h2 id="decide">${decision}</h2>
      ${forms}
      ${
        link === null
          ? html`<p class="hint">${refuseUnknown(minutesLeft * 60)}</p>`
          : wishes(link, words.organisation, minutesLeft, texts)
      }`,
  };
}

/** What a person can do who neither confirms nor refuses. Neither takes a code. */
function wishes(
  link: string,
  organisation: string | null,
  minutesLeft: number,
  { confirm }: Texts,
): Html {
  const { otherwise, later, laterHint, notMe, notMeHint, notSetUp } = confirm;
  return html`<section class="wishes" aria-labelledby="otherwise">
    <h2 id="otherwise">${otherwise}</h2>
    <form method="post">
      ${linkField(link)}
      <button name="decision" value="later" aria-describedby="later">${later}</button>
      <p class="hint" id="later">${laterHint(minutesLeft * 60)}</p>
    </form>
    <form method="post">
      ${linkField(link)}
      <button name="decision" value="not_me" class="grave" aria-describedby="not-me">
        ${notMe}
      </button>
      <p class="hint" id="not-me">${notMeHint(organisation)}</p>
    </form>
    <p class="hint">${notSetUp}</p>
  </section>`;
}

/** The page of a person who does not decide now, with the way back. */
export function laterPage(
  link: string,
  organisation: string | null,
  minutesLeft: number,
  { later: { title, text, back } }: Texts,
): Page {
  return {
    title,
    organisation,
    main: html`<div class="notice" role="status">
        <h1>${title}</h1>
        <p>${text(minutesLeft * 60)}</p>
      </div>
      <form method="post">
        ${linkField(link)}
        <div class="buttons"><button>${back}</button></div>
      </form>`,
  };
}

function titled(wrong: string | null, title: string, { errorTitle }: Texts): string {
  return wrong === null ? title : errorTitle(title);
}
