import { html, type Html } from './html.js';
import type { Texts } from './texts/en.js';

/** A page of step-up: what a person sees in a browser. */
export interface Page {
  readonly title: string;
  readonly main: Html;
  /** Whether it loads the script for passkeys, too. */
  readonly passkeys?: boolean;
  /** Whether it loads the script that keeps recovery codes for the person. */
  readonly codes?: boolean;
  /** Whose page it is, where a person may know that; Mandate's else. */
  readonly organisation?: string | null;
  /** The path of that organisation's logo. */
  readonly logo?: string | null;
}

/** The HTML document of a page, in the language of its texts. */
export function documentOf(page: Page, { language, direction }: Texts): string {
  const { title, main, passkeys = false, codes = false, organisation = null, logo = null } = page;
  const scripts = passkeys
    ? html`<script src="/step-up/assets/webauthn.js" defer></script>
        <script src="/step-up/assets/passkey.js" defer></script>`
    : null;
  const brand = organisation ?? 'Mandate';
  return html`<!doctype html>
    <html lang="${language}" dir="${direction}">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="robots" content="noindex" />
        <meta name="color-scheme" content="light dark" />
        <title>${title} – ${brand}</title>
        <link rel="stylesheet" href="/step-up/assets/page.css" />
        <script src="/step-up/assets/link.js" defer></script>
        ${scripts} ${codes ? html`<script src="/step-up/assets/codes.js" defer></script>` : null}
      </head>
      <body>
        <header>
          <p class="brand">
            ${logo === null ? null : html`<img class="logo" src="${logo}" alt="" />`} ${brand}
          </p>
        </header>
        <main>${main}</main>
      </body>
    </html> `.text;
}

/** A message of a page. */
export interface Message {
  readonly title: string;
  readonly text: string;
}

/** A page with a message and no form. */
export function notice({ title, text }: Message, tone: 'good' | 'plain' = 'plain'): Page {
  return {
    title,
    main: html`<div class="notice ${tone}" role="status">
      <h1>${title}</h1>
      <p>${text}</p>
    </div>`,
  };
}

/** The buttons with which a person decides on what is shown. */
export function decisionButtons({ confirm, refuse }: Texts['decide']): Html {
  return html`<div class="buttons">
    <button name="decision" value="approved" class="primary">${confirm}</button>
    <button name="decision" value="rejected">${refuse}</button>
  </div>`;
}

/** The message about the last attempt, which screen readers say at once; nothing for `null`. */
export function problem(text: string | null): Html | null {
  return text === null ? null : html`<p class="problem" role="alert" id="problem">${text}</p>`;
}

/** A list of names and values. */
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
