import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';

/** Something that speaks as much of Redis' protocol (RESP2) as the server asks of it, or is silent. */
export interface FakeRedis {
  readonly url: string;
  /** How many commands of a name have arrived. */
  count(name: string): number;
  /** The connections that have been made. */
  readonly connections: number;
  /** Leaves these commands unanswered from now on; all others are answered. */
  silence(...names: readonly string[]): void;
  stop(): Promise<void>;
}

/** A count that is used up by nobody: the first of a thousand seconds. */
const COUNTED = '*2\r\n:1\r\n:1000000\r\n';

/** Starts it, on a free port if none is given. */
export async function startFakeRedis(port = 0): Promise<FakeRedis> {
  const counts = new Map<string, number>();
  const sockets = new Set<Socket>();
  let silent: readonly string[] = [];
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    sockets.add(socket);
    let rest = '';
    socket.on('error', () => {});
    socket.once('close', () => sockets.delete(socket));
    socket.setEncoding('utf8').on('data', (text: string) => {
      rest += text;
      for (;;) {
        const read = readCommand(rest);
        if (read === null) return;
        rest = read.rest;
        counts.set(read.name, (counts.get(read.name) ?? 0) + 1);
        if (!silent.includes(read.name)) socket.write(read.name === 'EVAL' ? COUNTED : '+OK\r\n');
      }
    });
  }).listen(port, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address() as AddressInfo;
  return {
    url: `redis://127.0.0.1:${address.port}`,
    count: (name) => counts.get(name) ?? 0,
    get connections() {
      return connections;
    },
    silence: (...names) => {
      silent = names;
    },
    async stop() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** The name of the first command of a text, and what comes after it; `null` if it is not all there. */
function readCommand(text: string): { readonly name: string; readonly rest: string } | null {
  const head = /^\*(\d+)\r\n/.exec(text);
  if (head === null) return null;
  let at = head[0].length;
  let name = '';
  for (let n = 0; n < Number(head[1]); n += 1) {
    const size = /^\$(\d+)\r\n/.exec(text.slice(at));
    if (size === null) return null;
    const from = at + size[0].length;
    at = from + Number(size[1]) + 2;
    if (text.length < at) return null;
    if (n === 0) name = text.slice(from, at - 2).toUpperCase();
  }
  return { name, rest: text.slice(at) };
}
