import { html, type Html } from './html.js';

/** A page as a person sees it. */
export interface Page {
  readonly title: string;
  readonly main: Html;
  /** Whether it can work with passkeys, which takes scripts. */
  readonly passkeys?: boolean;
}

/** The whole document. */
export function documentOf({ title, main, passkeys = false }: Page): string {
  const scripts = passkeys
    ? html`<script src="/step-up/assets/webauthn.js" defer></script>
        <script src="/step-up/assets/page.js" defer></script>`
    : null;
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="robots" content="noindex" />
        <meta name="color-scheme" content="light dark" />
        <title>${title}</title>
        <link rel="stylesheet" href="/step-up/assets/page.css" />
        ${scripts}
      </head>
      <body>
        <main>
          <p class="brand">Mandate</p>
          ${main}
        </main>
      </body>
    </html> `.text;
}

/** A page that only says something. */
export function notice(title: string, text: string, tone: 'good' | 'plain' = 'plain'): Page {
  return {
    title,
    main: html`<div class="notice ${tone}">
      <h1>${title}</h1>
      <p>${text}</p>
    </div>`,
  };
}

/** What went wrong with the last try, where screen readers say it at once. */
export function problem(text: string | null): Html | null {
  return text === null ? null : html`<p class="problem" role="alert" id="problem">${text}</p>`;
}

/** The field for a code, which phones fill in by themselves. */
export function codeField(invalid: boolean): Html {
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

/** The lines of a list of facts. */
export function facts(rows: readonly (readonly [name: string, value: string | Html])[]): Html {
  return html`<dl>
    ${rows.map(
      ([name, value]) =>
        html`<div>
          <dt>${name}</dt>
          <dd>${value}</dd>
        </div>`,
    )}
  </dl>`;
}
