import type { ConfirmFormInput, EnrolFormInput } from '../confirmation-method.js';
import { html, type Html } from '../html.js';
import { linkField } from '../link.js';
import { DECIDE } from '../page.js';

/** The form that confirms with a recovery code. It is folded away: most have what they confirm with. */
export function confirmForm({ link, failed }: ConfirmFormInput): Html {
  return html`<details class="recovery" ${failed ? html`open` : null}>
    <summary>Use a recovery code</summary>
    <form method="post" autocomplete="off">
      ${link === null ? null : linkField(link)}
      <label for="recovery-code">Recovery code</label>
      <input
        id="recovery-code"
        class="link"
        name="recovery_code"
        maxlength="40"
        required
        autocapitalize="characters"
        spellcheck="false"
        aria-describedby="recovery-code-hint${failed ? ' problem' : ''}"
        ${failed ? html`aria-invalid="true"` : null}
      />
      <p class="hint" id="recovery-code-hint">
        One of those that you were given when you set up your app or passkey. Each works once.
      </p>
      ${link === null ? html`<div class="buttons"><button>Show the request</button></div>` : DECIDE}
    </form>
  </details>`;
}

/** The form with which a person gets new recovery codes in place of those before. */
export function enrolForm({ token }: EnrolFormInput): Html {
  return html`<h2>Or get new recovery codes</h2>
    <p>
      For when you have lost the app or the passkey. Those that you had before do not work any more
      then.
    </p>
    <form method="post">
      ${linkField(token)}
      <div class="buttons">
        <button name="recovery_codes" value="new">Get new recovery codes</button>
      </div>
    </form>`;
}

/** How many codes are left after one was used. */
export function codesLeft(left: number): Html {
  return html`<p>
    You have
    ${left === 0 ? 'no recovery codes' : `${left} recovery ${left === 1 ? 'code' : 'codes'}`} left.
    ${left > 3 ? null : 'Ask those who run this service for a link to get new ones.'}
  </p>`;
}

/** The codes, shown this once. Without scripts they are copied by hand. */
export function codesList(codes: readonly string[]): Html {
  return html`<section class="codes" aria-labelledby="codes" data-codes>
    <h2 id="codes">Your recovery codes</h2>
    <p>
      Keep these where you find them without your phone. Each confirms one request if the app or the
      passkey is lost. <strong>They are shown this once.</strong>
    </p>
    <ol>
      ${codes.map((code) => html`<li><code>${code}</code></li>`)}
    </ol>
    <div class="buttons" hidden>
      <button type="button" data-do="copy">Copy</button>
      <button type="button" data-do="save">Save as a file</button>
      <button type="button" data-do="print">Print</button>
    </div>
    <p class="hint" role="status"></p>
  </section>`;
}
