import { duration } from '../describe-challenge.js';
import type { HeldRequest } from '../challenge.js';
import { PROOF_FIELD } from './confirm-form.js';
import { html, type Html } from './html.js';
import { linkField, linkForm } from './link.js';
import { DECIDE, problem, type Page } from './page.js';
import { exactNames, factsOf } from './request-facts.js';
import type { RequestWords } from './request-words.js';

/** What the confirmation page says before it shows the request: nothing about that. */
export interface UnshownPageInput {
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
  const { forms, passkeys, problem: wrong, minutesLeft } = about;
  return {
    title: titled(wrong, 'Confirm a request'),
    passkeys,
    main: html`<h1>Confirm a request</h1>
      ${problem(wrong)}
      <p class="lead">An application wants access in your name. See first what it asks for.</p>
      ${linkForm('Show the request')}
      <h2>Without the link</h2>
      <p>Show who you are. You decide after you have seen the request.</p>
      ${forms}
      <p class="hint">
        ${NOT_SET_UP} The request ends by itself in ${duration(minutesLeft * 60)}.
      </p>`,
  };
}

/** The form of a person who was shown the request on a code or passkey. */
export function proofForm(proof: string): Html {
  return html`<form method="post" autocomplete="off">
    <input type="hidden" name="${PROOF_FIELD}" value="${proof}" />
    ${DECIDE}
  </form>`;
}

/** The confirmation page: which application asks for what, for how long, and the forms to confirm or refuse it. */
export function confirmPage(about: ConfirmPageInput): Page {
  const { request, words, forms, passkeys, link, problem: wrong, minutesLeft } = about;
  const asking = words.clients.get(request.client_id)?.name ?? 'An application';
  return {
    title: titled(wrong, 'Confirm this request?'),
    passkeys,
    organisation: words.organisation,
    logo: words.logo,
    main: html`<h1>Confirm this request?</h1>
      ${problem(wrong)}
      <p class="lead"><strong>${asking}</strong> wants access in your name.</p>
      ${factsOf(request, words)} ${exactNames(request, words)}
      <h2 id="decide">Your decision</h2>
      ${forms}
      ${
        link === null
          ? html`<p class="hint">
              Refuse it if you do not know what this is about. If you close this page, nothing is
              decided: the request ends by itself in ${duration(minutesLeft * 60)}.
            </p>`
          : wishes(link, words.organisation, minutesLeft)
      }`,
  };
}

/** What a person can do who neither confirms nor refuses. Neither takes a code. */
function wishes(link: string, organisation: string | null, minutesLeft: number): Html {
  return html`<section class="wishes" aria-labelledby="otherwise">
    <h2 id="otherwise">Not now, or not you?</h2>
    <form method="post">
      ${linkField(link)}
      <button name="decision" value="later" aria-describedby="later">Not now</button>
      <p class="hint" id="later">
        Nothing is decided. You can come back by your link; the request ends by itself in
        ${duration(minutesLeft * 60)}.
      </p>
    </form>
    <form method="post">
      ${linkField(link)}
      <button name="decision" value="not_me" class="grave" aria-describedby="not-me">
        This was not me
      </button>
      <p class="hint" id="not-me">
        You have started nothing that asks for this. It is refused for good, without a code, and
        ${organisation ?? 'whoever runs this service'} is told.
      </p>
    </form>
    <p class="hint">${NOT_SET_UP}</p>
  </section>`;
}

const NOT_SET_UP =
  'Nothing set up yet to confirm with? Ask those who run this service for a link to do so.';

/** The page of a person who does not decide now, with the way back. */
export function laterPage(link: string, organisation: string | null, minutesLeft: number): Page {
  return {
    title: 'Nothing is decided',
    organisation,
    main: html`<div class="notice" role="status">
        <h1>Nothing is decided</h1>
        <p>
          The application waits. The request ends by itself in ${duration(minutesLeft * 60)}; until
          then your link is good. You can close this page.
        </p>
      </div>
      <form method="post">
        ${linkField(link)}
        <div class="buttons"><button>Back to the request</button></div>
      </form>`,
  };
}

function titled(wrong: string | null, title: string): string {
  return `${wrong === null ? '' : 'Error: '}${title}`;
}
