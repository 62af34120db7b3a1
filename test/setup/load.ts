import { setTimeout as sleep } from 'node:timers/promises';
import { decodeJwt } from 'jose';
import { postForm, type TestZone } from './zone.js';

/** Clients that ask again and again, until they are stopped. */
export interface Load {
  /** The `jti` of every token that a client has received, whole. */
  readonly received: string[];
  /** Everything else that was answered. */
  readonly refusals: { readonly status: number; readonly body: unknown; readonly ms: number }[];
  /** Waits until so many more tokens were received. */
  readonly more: (count: number, patienceMs?: number) => Promise<void>;
  readonly stop: () => Promise<void>;
}

/** Milliseconds from an answer to the next request of a client: without, they would take both cores from what is looked at. */
const PAUSE_MS = 10;

/** Lets several clients ask one zone for session mandates at once, at whichever replica. */
export function startLoad(zone: TestZone, url: () => string, clients = 8): Load {
  const received: string[] = [];
  const refusals: Load['refusals'] = [];
  const stopping = new AbortController();
  let lost: unknown;
  const client = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      const asked = performance.now();
      try {
        const { status, body } = await postForm(url(), {
          grant_type: 'client_credentials',
          client_id: zone.clientId,
          client_secret: zone.secret,
          resource: zone.resource,
          scope: 'a:read',
        });
        if (status === 200) received.push(String(decodeJwt(String(body['access_token'])).jti));
        else refusals.push({ status, body, ms: performance.now() - asked });
        await sleep(status === 200 ? PAUSE_MS : 2 * PAUSE_MS);
      } catch (error) {
        // The server went away while we waited: nothing was received.
        lost = error instanceof Error ? (error.cause ?? error) : error;
        await sleep(2 * PAUSE_MS);
      }
    }
  };
  const running = Array.from({ length: clients }, client);
  return {
    received,
    refusals,
    async more(count, patienceMs = 100_000) {
      const goal = received.length + count;
      const deadline = performance.now() + patienceMs;
      while (received.length < goal) {
        if (performance.now() > deadline) {
          const refused = JSON.stringify(refusals.at(-1));
          throw new Error(`no tokens any more: refused ${refused}, lost ${String(lost)}`);
        }
        await sleep(10);
      }
    },
    async stop() {
      stopping.abort();
      await Promise.all(running);
    },
  };
}
