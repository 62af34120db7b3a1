import { renderSVG } from 'uqr';
import { Html, html } from '../html.js';
import type { ConfirmFormInput } from '../confirmation-method.js';
import type { ShownCode } from '../shown-codes.service.js';
import { linkField } from '../link.js';
import { decisionButtons } from '../page.js';
import type { Texts } from '../texts/en.js';
import type { TotpKey } from './totp-codes.js';

/** The form that confirms with a code. */
export function confirmForm({ texts, link, failed, shownCode }: ConfirmFormInput): Html {
  return html`<form method="post" autocomplete="off">
    ${link === null ? null : linkField(link)} ${codeField(failed, shownCode, texts.totp)}
    ${
      link === null
        ? html`<div class="buttons"><button>${texts.link.showRequest}</button></div>`
        : decisionButtons(texts.decide)
    }
  </form>`;
}

/**
 * The form that sets up an app, with the key to scan or type.
 *
 * @param token the secret of the link, which the form sends along
 * @param failed whether the last code was wrong
 */
export function enrolForm(key: TotpKey, token: string, failed: boolean, { totp }: Texts): Html {
  const { heading, scan, qrCode, cannotScan, typeKey, setUp } = totp;
  return html`<h2>${heading}</h2>
    <ol>
      <li>
        ${scan(key.uri)}
        <div class="qr" role="img" aria-label="${qrCode}">${qrOf(key.uri)}</div>
        <details>
          <summary>${cannotScan}</summary>
          <p>${typeKey(inFours(key.secret))}</p>
        </details>
      </li>
      <li>
        <form method="post" autocomplete="off">
          ${linkField(token)} ${codeField(failed, null, totp)}
          <div class="buttons"><button class="primary">${setUp}</button></div>
        </form>
      </li>
    </ol>`;
}

/** The field for a code, which phones fill in by themselves. */
function codeField(invalid: boolean, shown: ShownCode | null, texts: Texts['totp']): Html {
  return html`${shown === null ? null : demoNote(shown, texts)}
    <label for="code">${texts.label}</label>
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
    <p class="hint" id="code-hint">${texts.hint}</p>`;
}

/** What stands in for the phone of the person of the demo. */
function demoNote({ code }: ShownCode, { demo, demoUsed }: Texts['totp']): Html {
  return html`<p class="demo">${code === null ? demoUsed : demo(code)}</p>`;
}

/** The QR code of a text, as SVG: it has modules only, so it is markup as it is. */
function qrOf(uri: string): Html {
  return new Html(renderSVG(uri, { pixelSize: 4, border: 2 }));
}

function inFours(secret: string): string {
  return secret.replace(/(.{4})(?=.)/g, '$1 ');
}
