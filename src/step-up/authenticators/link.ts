import { createHash, randomBytes } from 'node:crypto';
import { html, type Html } from './html.js';
import type { Texts } from './texts/en.js';

/** Bytes of the secret in a link. */
const SECRET_BYTES = 32;
/** What they look like in base64url. */
const SECRET = /^[A-Za-z0-9_-]{43}$/;

/** The field in which pages send the secret of the link that led to them. */
export const LINK_FIELD = 'link';

/** A new secret for a link. */
export function newLinkSecret(): string {
  return randomBytes(SECRET_BYTES).toString('base64url');
}

/**
 * The link to a page, with a secret in its fragment: browsers do not send that, so that it is in no log and no
 * `Referer` (RFC 3986 3.5). The page sends it in a form.
 */
export function linkTo(issuerUrl: string, path: string, secret: string): string {
  return `${issuerUrl}${path}#${secret}`;
}

/**
 * The secret in what a page sends: the secret alone, or the whole link as a person pastes it.
 *
 * @returns `null` if there is none
 */
export function secretIn(text: string | undefined): string | null {
  const secret = text?.slice(text.lastIndexOf('#') + 1).trim() ?? '';
  return SECRET.test(secret) ? secret : null;
}

/** What is stored of the secret in a link. It is random, so one round of hashing does. */
export function linkDigest(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}

/** The hidden field by which the forms of a page send the secret of its link along. */
export function linkField(secret: string): Html {
  return html`<input type="hidden" name="${LINK_FIELD}" value="${secret}" />`;
}

/** The form that sends the secret of a link: the script fills it in and sends it, and without one people paste. */
export function linkForm({ label, hint }: Texts['link'], button: string): Html {
  return html`<form method="post" autocomplete="off" data-link>
    <label for="link">${label}</label>
    <input
      id="link"
      class="link"
      name="${LINK_FIELD}"
      required
      autocapitalize="none"
      spellcheck="false"
      aria-describedby="link-hint"
    />
    <p class="hint" id="link-hint">${hint}</p>
    <div class="buttons"><button class="primary">${button}</button></div>
  </form>`;
}
