import { renderSVG } from 'uqr';
import { Html, html } from '../html.js';
import { linkField } from '../link.js';
import type { TotpKey } from './totp-codes.js';

/** The form that confirms with a code. @param failed whether the last code was wrong */
export function confirmForm(failed: boolean): Html {
  return html`<form method="post" autocomplete="off">
    ${codeField(failed)}
    <div class="buttons">
      <button name="decision" value="approved" class="primary">Confirm</button>
      <button name="decision" value="rejected">Refuse</button>
    </div>
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
          ${linkField(token)} ${codeField(failed)}
          <div class="buttons"><button class="primary">Set up the app</button></div>
        </form>
      </li>
    </ol>`;
}

/** The field for a code, which phones fill in by themselves. */
function codeField(invalid: boolean): Html {
  return html`<label for="code">Code from your authenticator app</label>
    <input
      id="code"
      name="code"
      inputmode="numeric"
      autocomplete="one-time-code"
      pattern="[0-9]{6}"
      maxlength="6"
      required
      autofocus
      aria-describedby="code-hint${invalid ? ' problem' : ''}"
      ${invalid ? html`aria-invalid="true"` : null}
    />
    <p class="hint" id="code-hint">Six digits. A code works once.</p>`;
}

/** The QR code of a text, as SVG: it has modules only, so it is markup as it is. */
function qrOf(uri: string): Html {
  return new Html(renderSVG(uri, { pixelSize: 4, border: 2 }));
}

function inFours(secret: string): string {
  return secret.replace(/(.{4})(?=.)/g, '$1 ');
}
