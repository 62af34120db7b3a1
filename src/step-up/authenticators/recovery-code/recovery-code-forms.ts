import type { ConfirmFormInput, EnrolFormInput } from '../confirmation-method.js';
import { html, type Html } from '../html.js';
import { linkField } from '../link.js';
import { decisionButtons } from '../page.js';
import type { Texts } from '../texts/en.js';

/** The form that confirms with a recovery code. It is folded away: most have what they confirm with. */
export function confirmForm({ texts, link, failed }: ConfirmFormInput): Html {
  const { use, label, hint } = texts.recoveryCodes;
  return html`<details class="recovery" ${failed ? html`open` : null}>
    <summary>${use}</summary>
    <form method="post" autocomplete="off">
      ${link === null ? null : linkField(link)}
      <label for="recovery-code">${label}</label>
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
      <p class="hint" id="recovery-code-hint">${hint}</p>
      ${
        link === null
          ? html`<div class="buttons"><button>${texts.link.showRequest}</button></div>`
          : decisionButtons(texts.decide)
      }
    </form>
  </details>`;
}

/** The form with which a person gets new recovery codes in place of those before. */
export function enrolForm({ texts, token }: EnrolFormInput): Html {
  const { newHeading, newExplanation, getNew } = texts.recoveryCodes;
  return html`<h2>${newHeading}</h2>
    <p>${newExplanation}</p>
    <form method="post">
      ${linkField(token)}
      <div class="buttons">
        <button name="recovery_codes" value="new">${getNew}</button>
      </div>
    </form>`;
}

/** How many codes are left after one was used. */
export function codesLeft(count: number, { recoveryCodes: { left, askForNew } }: Texts): Html {
  return html`<p>${left(count)} ${count > 3 ? null : askForNew}</p>`;
}

/** The name of the file in which a person keeps codes. */
const FILE = 'recovery-codes.txt';

/** The codes, shown this once. Without scripts they are copied by hand. */
export function codesList(codes: readonly string[], { recoveryCodes }: Texts): Html {
  const { heading, keep, copy, save, print, copied, notCopied, saved } = recoveryCodes;
  return html`<section
    class="codes"
    aria-labelledby="codes"
    data-codes
    data-file="${FILE}"
    data-copied="${copied}"
    data-not-copied="${notCopied}"
    data-saved="${saved(FILE)}"
  >
    <h2 id="codes">${heading}</h2>
    <p>${keep}</p>
    <ol>
      ${codes.map((code) => html`<li><code>${code}</code></li>`)}
    </ol>
    <div class="buttons" hidden>
      <button type="button" data-do="copy">${copy}</button>
      <button type="button" data-do="save">${save}</button>
      <button type="button" data-do="print">${print}</button>
    </div>
    <p class="hint" role="status"></p>
  </section>`;
}
