import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A way to PostgreSQL that counts round trips. */
export interface CountingProxy {
  readonly url: string;
  /** How often the server has said that it is ready for the next query: once for each round trip. */
  readonly roundTrips: () => number;
  readonly close: () => void;
}

const READY_FOR_QUERY = 'Z'.charCodeAt(0);

/**
 * Counts the messages `ReadyForQuery` of the server: it ends every round trip of the simple and of the extended
 * protocol, whatever went before it (PostgreSQL documentation, "Message Formats").
 */
export async function startCountingProxy(databaseUrl: string): Promise<CountingProxy> {
  const target = new URL(databaseUrl);
  let count = 0;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    const upstream = connect(Number(target.port), target.hostname);
    for (const each of [socket, upstream]) {
      sockets.add(each);
      each.setNoDelay(true);
      each.on('error', () => {});
    }
    const read = messageReader((type) => {
      if (type === READY_FOR_QUERY) count += 1;
    });
    upstream.on('data', read);
    socket.pipe(upstream);
    upstream.pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = new URL(databaseUrl);
  url.port = String((server.address() as AddressInfo).port);
  return {
    url: url.href,
    roundTrips: () => count,
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

/** Tells the type of each message in a stream: a byte, then a length of four that counts itself. */
function messageReader(onMessage: (type: number) => void): (chunk: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  let skip = 0;
  return (chunk) => {
    let bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    for (;;) {
      const skipped = Math.min(skip, bytes.length);
      skip -= skipped;
      bytes = bytes.subarray(skipped);
      if (bytes.length < 5) break;
      onMessage(bytes.readUInt8(0));
      skip = bytes.readInt32BE(1) + 1;
    }
    rest = bytes;
  };
}
