import { renderSVG } from 'uqr';
import { Html, html } from '../html.js';
import type { ConfirmFormInput } from '../confirmation-method.js';
import type { ShownCode } from '../shown-codes.service.js';
import { linkField } from '../link.js';
import { DECIDE } from '../page.js';
import type { TotpKey } from './totp-codes.js';

/** The form that confirms with a code. */
export function confirmForm({ link, failed, shownCode }: ConfirmFormInput): Html {
  return html`<form method="post" autocomplete="off">
    ${link === null ? null : linkField(link)} ${codeField(failed, shownCode)}
    ${link === null ? html`<div class="buttons"><button>Show the request</button></div>` : DECIDE}
  </form>`;
}

/**
 * The form that sets up an app, with the key to scan or type.
 *
 * @param token the secret of the link, which the form sends along
 * @param failed whether the last code was wrong
 */
export function enrolForm(key: TotpKey, token: string, failed: boolean): Html {
  return html`<h2>With an authenticator app</h2>
    <ol>
      <li>
        Scan this with the app, or <a href="${key.uri}">open it there</a>.
        <div class="qr" role="img" aria-label="QR code for the authenticator app">
          ${qrOf(key.uri)}
        </div>
        <details>
          <summary>It cannot be scanned</summary>
          <p>Type this key into the app: <code class="key">${inFours(key.secret)}</code></p>
        </details>
      </li>
      <li>
        <form method="post" autocomplete="off">
          ${linkField(token)} ${codeField(failed, null)}
          <div class="buttons"><button class="primary">Set up the app</button></div>
        </form>
      </li>
    </ol>`;
}

/** The field for a code, which phones fill in by themselves. */
function codeField(invalid: boolean, shown: ShownCode | null): Html {
  return html`${shown === null ? null : demoNote(shown)}<label for="code"
      >Code from your authenticator app</label
    >
    <input
      id="code"
      name="code"
      inputmode="numeric"
      autocomplete="one-time-code"
      pattern="[0-9]{6}"
      maxlength="6"
      required
      ${shown === null || shown.code === null ? null : html`value="${shown.code}"`}
      aria-describedby="code-hint${invalid ? ' problem' : ''}"
      ${invalid ? html`aria-invalid="true"` : null}
    />
    <p class="hint" id="code-hint">Six digits. A code works once.</p>`;
}

/** What stands in for the phone of the person of the demo. */
function demoNote({ code }: ShownCode): Html {
  return html`<p class="demo">
    ${
      code === null
        ? 'This is the demo. The code that it had to show was used: reload the page in half a minute.'
        : html`This is the demo. Its person has no phone: the app on it would show
            <strong>${code}</strong> now, which is filled in below.`
    }
  </p>`;
}

/** The QR code of a text, as SVG: it has modules only, so it is markup as it is. */
function qrOf(uri: string): Html {
  return new Html(renderSVG(uri, { pixelSize: 4, border: 2 }));
}

function inFours(secret: string): string {
  return secret.replace(/(.{4})(?=.)/g, '$1 ');
}
