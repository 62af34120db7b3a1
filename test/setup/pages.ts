import type { Replica } from './harness.js';

/** What a page answered. */
export interface Shown {
  readonly status: number;
  readonly text: string;
  readonly headers: Headers;
  readonly requestId: string;
}

/** Opens a page, or sends it a form. */
export async function openPage(
  replica: Replica,
  path: string,
  fields?: Record<string, string> | URLSearchParams,
  headers: Record<string, string> = {},
): Promise<Shown> {
  const sent = fields === undefined ? {} : { method: 'POST', body: new URLSearchParams(fields) };
  const response = await fetch(`${replica.url}${path}`, { ...sent, headers });
  return {
    status: response.status,
    text: await response.text(),
    headers: response.headers,
    requestId: response.headers.get('x-request-id') ?? '',
  };
}

/** The secret in a link: the fragment, which browsers do not send. */
export function fragmentOf(link: unknown): string {
  return new URL(String(link)).hash.slice(1);
}

/** The key of an authenticator app that a page shows, to be typed; empty if it shows none. */
export function keyOn(page: string): string {
  return /class="key">([A-Z2-7 ]+)</.exec(page)?.[1]?.replaceAll(' ', '') ?? '';
}

/** An attribute of the page, such as the nonce that a passkey signs. */
export function attributeOn(page: string, name: string): string {
  return new RegExp(`${name}="([^"]*)"`).exec(page)?.[1] ?? '';
}
