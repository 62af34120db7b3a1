import { createServer, type RequestListener, type Server } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { answerUnreadable, closeUnusedConnections, oneAtATime } from './connections.js';

/** Milliseconds between checks for slow connections. */
const CHECK_MS = 500;
/** Milliseconds that an idle connection is kept: longer than common load balancers do, so that they close first. */
const KEEP_ALIVE_MS = 65_000;

/** What a connection may take, in milliseconds. */
export interface ConnectionLimits {
  /** Within which the headers, and the whole request, must have arrived. */
  readonly arrivalMs: number;
  /** After which a connection without any traffic is cut. */
  readonly silenceMs: number;
}

const LIMITS: ConnectionLimits = { arrivalMs: 5_000, silenceMs: 70_000 };

/** A port that cannot be listened on, such as one that another process has. The message is for operators. */
export class PortUnusable extends Error {
  override readonly name = 'PortUnusable';
}

/**
 * Listens on a port, and cuts slow and stuck connections. Of each connection one request at a time is answered.
 *
 * @param port 0 for any free one
 * @returns the server and the port that it got
 * @throws {PortUnusable} if the port cannot be used
 */
export async function listen(
  handler: RequestListener,
  port: number,
  limits: Partial<ConnectionLimits> = {},
): Promise<{ server: Server; port: number }> {
  const { arrivalMs, silenceMs } = { ...LIMITS, ...limits };
  const server = createServer(
    {
      headersTimeout: arrivalMs,
      requestTimeout: arrivalMs,
      connectionsCheckingInterval: CHECK_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      noDelay: true,
      // Checked with the other things that a Host may be.
      requireHostHeader: false,
    },
    oneAtATime(handler),
  );
  answerUnreadable(server);
  server.setTimeout(silenceMs);
  await new Promise<void>((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException): void => {
      reject(
        new PortUnusable(`port ${port} cannot be listened on: ${error.code ?? ''}`, {
          cause: error,
        }),
      );
    };
    server.once('error', onError);
    server.listen(port, () => {
      server.off('error', onError);
      resolve();
    });
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not listening on a port');
  return { server, port: address.port };
}

/**
 * Stops accepting connections, lets requests in flight finish, then cuts the remaining connections.
 *
 * @param graceMs milliseconds that requests in flight may take
 */
export async function closeGracefully(server: Server, graceMs: number): Promise<void> {
  const closed = new Promise<'closed'>((resolve) => {
    server.close(() => resolve('closed'));
  });
  const deadline = performance.now() + graceMs;
  do {
    server.closeIdleConnections();
    closeUnusedConnections(server);
  } while ((await Promise.race([closed, sleep(50)])) !== 'closed' && performance.now() < deadline);
  server.closeAllConnections();
  await closed;
}
