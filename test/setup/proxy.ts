import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** An address for PostgreSQL that stays the same while the server behind it comes and goes. */
export interface Proxy {
  /** The URL of a server, with the address of the proxy in it. */
  readonly urlFor: (serverUrl: string) => string;
  /** Forwards to another server from now on; to none, connections are cut as soon as they are made. */
  readonly forwardTo: (serverUrl: string | null) => void;
  readonly close: () => Promise<void>;
}

/** Starts a proxy that forwards to nothing yet. */
export async function startProxy(): Promise<Proxy> {
  let target: number | null = null;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    if (target === null) {
      socket.on('error', () => {}).resetAndDestroy();
      return;
    }
    const upstream = connect(target, '127.0.0.1');
    for (const [one, other] of [
      [socket, upstream],
      [upstream, socket],
    ] as const) {
      sockets.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        sockets.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    urlFor(serverUrl) {
      const url = new URL(serverUrl);
      url.port = String(port);
      return url.href;
    },
    forwardTo(serverUrl) {
      target = serverUrl === null ? null : Number(new URL(serverUrl).port);
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
