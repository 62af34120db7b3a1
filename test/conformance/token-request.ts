import { setTimeout as sleep } from 'node:timers/promises';
import { readAnswer, type Answer } from './answer.js';
import { credentialsOf } from './client-authentication.js';
import type { Client, Parameters } from './configuration.js';
import type { Endpoints } from './discovery.js';

/** How a request is sent, where it is not as usual. */
export interface Sending {
  /** Who sends it; `null` leaves credentials and identifier to the parameters. */
  readonly client?: Client | null;
  readonly method?: 'POST' | 'GET';
  readonly headers?: Readonly<Record<string, string>>;
  /** Parameters of the URI. */
  readonly query?: Parameters;
  /** Parameters that are made anew for each attempt, such as an assertion, which a server may take once only. */
  readonly fresh?: () => Promise<Parameters>;
}

/** After so many answers that say "not now", that is the answer. */
const MOST_ATTEMPTS = 20;
const LONGEST_WAIT_SECONDS = 5;

/** Sends a token request, and again after an answer that says "not now" (429, 503). */
export async function sendTokenRequest(
  ask: typeof fetch,
  { tokenEndpoint, issuer }: Pick<Endpoints, 'tokenEndpoint' | 'issuer'>,
  parameters: Parameters,
  sending: Sending & { readonly client: Client | null },
): Promise<Answer> {
  const { client, method = 'POST', query = {} } = sending;
  for (let attempt = 1; ; attempt += 1) {
    const credentials =
      client === null ? { headers: {}, parameters: {} } : await credentialsOf(client, issuer);
    const fresh = (await sending.fresh?.()) ?? {};
    const form = formOf({ ...credentials.parameters, ...fresh, ...parameters });
    const url = new URL(tokenEndpoint);
    const inUri = [...formOf(query), ...(method === 'GET' ? form : [])];
    for (const [name, value] of inUri) url.searchParams.append(name, value);
    const response = await ask(url.href, {
      method,
      headers: { accept: 'application/json', ...credentials.headers, ...sending.headers },
      ...(method === 'GET' ? {} : { body: form }),
      redirect: 'manual',
    });
    const answer = await readAnswer(response);
    const isNotNow = answer.status === 429 || answer.status === 503;
    if (!isNotNow || attempt === MOST_ATTEMPTS) return answer;
    await sleep(Math.min(secondsToWait(answer), LONGEST_WAIT_SECONDS) * 1_000);
  }
}

/** What `Retry-After` says (RFC 9110 10.2.3), if it is a number of seconds. */
function secondsToWait({ headers }: Answer): number {
  const text = headers.get('retry-after') ?? '';
  return /^\d+$/.test(text) ? Number(text) : 1;
}

function formOf(parameters: Parameters): URLSearchParams {
  const form = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    for (const one of value === undefined ? [] : [value].flat()) form.append(name, one);
  }
  return form;
}
