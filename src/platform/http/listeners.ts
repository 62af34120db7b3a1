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

/** The variables that name a port. */
export type PortVariable = 'PORT' | 'INTERNAL_PORT';

/** A port that cannot be listened on, such as one that another process has. The message is for operators. */
export class PortUnusable extends Error {
  override readonly name = 'PortUnusable';
  /** Whether another start may find it usable, with nothing changed here. */
  readonly passing: boolean;

  constructor(port: number, variable: PortVariable, cause: NodeJS.ErrnoException) {
    super(`port ${port} (${variable}) ${whyUnusable(variable, cause.code ?? '')}`, { cause });
    this.passing = cause.code === 'EADDRINUSE';
  }
}

function whyUnusable(variable: PortVariable, code: string): string {
  if (code === 'EADDRINUSE') {
    return `is in use by another program: stop that one, or set ${variable} to another port`;
  }
  if (code === 'EACCES') {
    return `is kept for programs with more rights: set ${variable} to one from 1024 on`;
  }
  return `cannot be listened on (${code}): set ${variable} to another port`;
}

/**
 * Looks whether a port can be listened on, before a start makes anything that it would leave behind.
 *
 * @throws {PortUnusable}
 */
export async function checkPort(port: number, variable: PortVariable): Promise<void> {
  // One that listens on any free port finds one.
  if (port === 0) return;
  const server = createServer();
  await opened(server, port, variable);
  await new Promise((resolve) => server.close(resolve));
}

/** Resolves when a server listens. @throws {PortUnusable} */
function opened(server: Server, port: number, variable: PortVariable): Promise<void> {
  return new Promise<void>((resolve, reject) => {
    const onError = (error: Error): void => reject(new PortUnusable(port, variable, error));
    server.once('error', onError);
    server.listen(port, () => {
      server.off('error', onError);
      resolve();
    });
  });
}

/**
 * Listens on a port, and cuts slow and stuck connections. Of each connection one request at a time is answered.
 *
 * @param port 0 for any free one
 * @param variable the one that says which port
 * @returns the server and the port that it got
 * @throws {PortUnusable} if the port cannot be used
 */
export async function listen(
  handler: RequestListener,
  port: number,
  limits: Partial<ConnectionLimits> = {},
  variable: PortVariable = 'PORT',
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
  await opened(server, port, variable);
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
