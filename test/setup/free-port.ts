import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * Ports that are given to nobody who asks for any port, nor to connections, so that one stays free until it is used:
 * those below the ephemeral ports of Linux (`ip_local_port_range`) and of others, and below those of services of Kubernetes.
 */
const [FIRST, AFTER_LAST] = [20_000, 30_000];

/** A port on which nothing listens. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(FIRST, AFTER_LAST);
    const server = createServer();
    // oxlint-disable-next-line no-await-in-loop
    if (await once(server.listen(port), 'listening').then(Boolean, isTaken)) {
      server.close();
      return port;
    }
  }
}

/** @throws what is not that a port is in use */
function isTaken(error: unknown): false {
  if (Reflect.get(Object(error), 'code') !== 'EADDRINUSE') throw error;
  return false;
}
