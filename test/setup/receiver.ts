import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A message as it arrived. */
export interface Received {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Somebody who receives webhooks. */
export interface Receiver {
  readonly url: string;
  readonly received: Received[];
  /** What is answered, by path; 204 by default. `null`: nothing, ever. */
  readonly answers: Map<string, { status: number; headers?: Record<string, string> } | null>;
  /** The most messages to a path, or to all, that have waited for an answer at one moment. */
  mostAtOnce(path?: string): number;
  close(): Promise<void>;
}

/** What stands for all paths, as no path is called. */
const ALL = '*';

/** Starts a receiver on a free port of this machine. */
export async function startReceiver(): Promise<Receiver> {
  const received: Received[] = [];
  const answers: Receiver['answers'] = new Map();
  const waiting = new Map<string, number>();
  const most = new Map<string, number>();
  const count = (path: string, by: number): void => {
    const now = (waiting.get(path) ?? 0) + by;
    waiting.set(path, now);
    most.set(path, Math.max(most.get(path) ?? 0, now));
  };
  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const path = request.url ?? '';
      for (const one of [path, ALL]) {
        count(one, 1);
        // Answered, or given up by who has sent it.
        response.once('close', () => count(one, -1));
      }
      received.push({
        path,
        headers: Object.fromEntries(
          Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
        ),
        body: Buffer.concat(chunks).toString(),
      });
      const answer = answers.has(path) ? answers.get(path) : { status: 204 };
      if (answer !== null && answer !== undefined) {
        response.writeHead(answer.status, answer.headers).end();
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    received,
    answers,
    mostAtOnce: (path = ALL) => most.get(path) ?? 0,
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
