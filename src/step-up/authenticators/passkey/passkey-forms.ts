import { createHash } from 'node:crypto';
import type { ConfirmFormInput, EnrolFormInput } from '../confirmation-method.js';
import { html, type Html } from '../html.js';
import { linkField } from '../link.js';
import { confirmationNonce, enrolmentNonce, relyingPartyAt } from './relying-party.js';

/** The form that confirms with a passkey. It is shown by the script, since it does nothing without. */
export function confirmForm({ challenge, env, link, followed }: ConfirmFormInput): Html {
  const step = link === null ? 'show' : 'decide';
  const nonce = confirmationNonce(step, challenge.id, challenge.binding.toString('hex'));
  return html`<form
      method="post"
      class="passkey"
      hidden
      data-passkey="get"
      data-nonce="${nonce.toString('base64url')}"
      data-rp="${relyingPartyAt(env.issuerUrl).id}"
    >
      <input type="hidden" name="assertion" data-evidence />
      ${link === null ? null : linkField(link)} ${link === null ? SHOW : DECIDE_BY_PASSKEY}
      <p class="problem" role="alert" hidden></p>
      ${followed ? html`<p class="or">or</p>` : null}
    </form>
    <noscript>
      <p class="${followed ? 'hint' : 'problem'}">
        Passkeys need JavaScript, which is switched off.${followed ? ' A code does without.' : ''}
      </p>
    </noscript>`;
}

const SHOW = html`<div class="buttons"><button>Show it with a passkey</button></div>`;

const DECIDE_BY_PASSKEY = html`<div class="buttons">
  <button name="decision" value="approved" class="primary">Confirm with a passkey</button>
  <button name="decision" value="rejected">Refuse with a passkey</button>
</div>`;

/** The form that registers a passkey. It is shown by the script, since it does nothing without. */
export function enrolForm({ token, enrolment, env }: EnrolFormInput): Html {
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
    data-user="${user.toString('base64url')}"
    data-name="${subject}"
  >
    <h2>With a passkey</h2>
    <p>Your phone, your computer or a security key asks for your finger, face or PIN.</p>
    ${linkField(token)}
    <input type="hidden" name="registration" data-evidence />
    <div class="buttons"><button>Set up a passkey</button></div>
    <p class="problem" role="alert" hidden></p>
  </form>`;
}
