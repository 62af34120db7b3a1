import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A server that publishes keys, as well as a test wants it to. */
export interface KeyServer {
  readonly url: string;
  /** How often it has been asked. */
  readonly asked: () => number;
  /** What it answers from now on: a key set, or whatever a listener does. */
  publish(answer: { readonly keys: readonly unknown[] } | RequestListener): void;
  close(): Promise<void>;
}

/** Starts a key server, which publishes no key at first. */
export async function startKeyServer(): Promise<KeyServer> {
  let asked = 0;
  let listener: RequestListener | undefined;
  const publish: KeyServer['publish'] = (answer) => {
    listener =
      typeof answer === 'function'
        ? answer
        : (_request, response) => {
            response.writeHead(200, { 'content-type': 'application/json' });
            response.end(JSON.stringify(answer));
          };
  };
  publish({ keys: [] });
  const server = createServer((request, response) => {
    asked += 1;
    listener?.(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`,
    asked: () => asked,
    publish,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Lets a replica fetch from a {@link KeyServer}. */
export const ALLOW_KEY_SERVER = { ALLOW_INSECURE_FETCH: 'true', ALLOW_PRIVATE_FETCH: 'true' };
