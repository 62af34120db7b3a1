import { renderSVG } from 'uqr';
import { Html, html } from './html.js';
import { codeField, facts, problem, type Page } from './page.js';
import type { TotpKey } from './totp/totp-codes.js';

/** What the page is about. */
export interface Enrollable {
  readonly subject: string;
  readonly issuer: string | null;
  readonly key: TotpKey;
  readonly passkey: { readonly nonce: string; readonly rpId: string; readonly userId: string };
  /** What went wrong with the last try. */
  readonly problem: string | null;
}

/** Shows a person how to register an app that makes codes, or a passkey. */
export function enrolPage({ subject, issuer, key, passkey, problem: wrong }: Enrollable): Page {
  return {
    title: `${wrong === null ? '' : 'Error: '}Set up confirmation`,
    passkeys: true,
    main: html`<h1>Set up confirmation</h1>
      <p class="lead">From now on you can confirm what applications ask for in your name.</p>
      ${facts([['You', html`${subject} ${issuer === null ? null : html`<small>${issuer}</small>`}`]])}
      ${problem(wrong)}
      <h2>With an authenticator app</h2>
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
            ${codeField(wrong !== null)}
            <div class="buttons"><button class="primary">Set up the app</button></div>
          </form>
        </li>
      </ol>
      <form
        method="post"
        class="passkey"
        hidden
        data-passkey="create"
        data-nonce="${passkey.nonce}"
        data-rp="${passkey.rpId}"
        data-user="${passkey.userId}"
        data-name="${subject}"
      >
        <h2>Or with a passkey</h2>
        <p>Your phone, your computer or a security key asks for your finger, face or PIN.</p>
        <input type="hidden" name="registration" />
        <div class="buttons"><button>Set up a passkey</button></div>
        <p class="problem" role="alert" hidden></p>
      </form>`,
  };
}

/** What is scanned holds nothing but modules, so it is markup as it is. */
function qrOf(uri: string): Html {
  return new Html(renderSVG(uri, { pixelSize: 4, border: 2 }));
}

function inFours(secret: string): string {
  return secret.replace(/(.{4})(?=.)/g, '$1 ');
}
