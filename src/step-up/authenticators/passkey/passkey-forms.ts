import { createHash } from 'node:crypto';
import type { ConfirmFormInput, EnrolFormInput } from '../confirmation-method.js';
import { html, type Html } from '../html.js';
import { linkField } from '../link.js';
import type { Texts } from '../texts/en.js';
import { confirmationNonce, enrolmentNonce, relyingPartyAt } from './relying-party.js';

/** The form that confirms with a passkey. It is shown by the script, since it does nothing without. */
export function confirmForm({ texts, challenge, env, link, followed }: ConfirmFormInput): Html {
  const { or, notUsed, needsScripts, needsScriptsCodeDoesNot } = texts.passkey;
  const step = link === null ? 'show' : 'decide';
  const nonce = confirmationNonce(step, challenge.id, challenge.binding.toString('hex'));
  return html`<form
      method="post"
      class="passkey"
      hidden
      data-passkey="get"
      data-nonce="${nonce.toString('base64url')}"
      data-rp="${relyingPartyAt(env.issuerUrl).id}"
      data-not-used="${notUsed}"
    >
      <input type="hidden" name="assertion" data-evidence />
      ${link === null ? null : linkField(link)} ${buttons(link !== null, texts.passkey)}
      <p class="problem" role="alert" hidden></p>
      ${followed ? html`<p class="or">${or}</p>` : null}
    </form>
    <noscript>
      <p class="${followed ? 'hint' : 'problem'}">
        ${followed ? needsScriptsCodeDoesNot : needsScripts}
      </p>
    </noscript>`;
}

function buttons(isShown: boolean, { show, confirm, refuse }: Texts['passkey']): Html {
  if (!isShown) return html`<div class="buttons"><button>${show}</button></div>`;
  return html`<div class="buttons">
    <button name="decision" value="approved" class="primary">${confirm}</button>
    <button name="decision" value="rejected">${refuse}</button>
  </div>`;
}

/** The form that registers a passkey. It is shown by the script, since it does nothing without. */
export function enrolForm(about: EnrolFormInput): Html {
  const { texts, token, enrolment, organisation, env } = about;
  const { heading, explanation, setUp, notUsed } = texts.passkey;
  const { zoneId, subject, subjectIssuer } = enrolment;
  // A passkey knows its person by this; it says nothing to others (Web Authentication 14.6.1).
  const user = createHash('sha256')
    .update(JSON.stringify([zoneId, subjectIssuer, subject]))
    .digest();
  return html`<form
    method="post"
    class="passkey"
    hidden
    data-passkey="create"
    data-nonce="${enrolmentNonce(token).toString('base64url')}"
    data-rp="${relyingPartyAt(env.issuerUrl).id}"
    data-rp-name="${organisation ?? 'Mandate'}"
    data-user="${user.toString('base64url')}"
    data-name="${subject}"
    data-not-used="${notUsed}"
  >
    <h2>${heading}</h2>
    <p>${explanation}</p>
    ${linkField(token)}
    <input type="hidden" name="registration" data-evidence />
    <div class="buttons"><button>${setUp}</button></div>
    <p class="problem" role="alert" hidden></p>
  </form>`;
}
