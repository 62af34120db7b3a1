import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';

/** Something that speaks as much of Redis' protocol (RESP2) as the server asks of it, or is silent. */
export interface FakeRedis {
  readonly url: string;
  /** How many commands of a name have arrived. */
  count(name: string): number;
  /** The members of the entries that XADD has put into a stream, also those that it was silent about. */
  entries(stream: string): readonly Readonly<Record<string, string>>[];
  /** The bounds that XADD was given for a stream's length, each once. */
  bounds(stream: string): readonly string[];
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
  const added: Added[] = [];
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
        const name = read.words[0]?.toUpperCase() ?? '';
        counts.set(name, (counts.get(name) ?? 0) + 1);
        if (name === 'XADD') added.push(readAdded(read.words));
        if (!silent.includes(name)) socket.write(answerTo(name, added.length));
      }
    });
  }).listen(port, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address() as AddressInfo;
  return {
    url: `redis://127.0.0.1:${address.port}`,
    count: (name) => counts.get(name) ?? 0,
    entries: (stream) => added.filter((one) => one.stream === stream).map(({ members }) => members),
    bounds: (stream) => [
      ...new Set(added.filter((one) => one.stream === stream).map(({ bound }) => bound)),
    ],
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

/** What an XADD has put where. */
interface Added {
  readonly stream: string;
  /** The words between the stream and the id. */
  readonly bound: string;
  readonly members: Readonly<Record<string, string>>;
}

/** Reads `XADD stream [MAXLEN …] * name value …`. */
function readAdded([, stream = '', ...words]: readonly string[]): Added {
  const id = words.indexOf('*');
  const members: Record<string, string> = {};
  for (let at = id + 1; at < words.length; at += 2) {
    members[words[at] ?? ''] = words[at + 1] ?? '';
  }
  return { stream, bound: words.slice(0, id).join(' '), members };
}

function answerTo(name: string, added: number): string {
  if (name === 'EVAL') return COUNTED;
  if (name !== 'XADD') return '+OK\r\n';
  const id = `1700000000000-${added}`;
  return `$${id.length}\r\n${id}\r\n`;
}

/** The words of the first command of a text, and what comes after it; `null` if it is not all there. */
function readCommand(
  text: string,
): { readonly words: readonly string[]; readonly rest: string } | null {
  const head = /^\*(\d+)\r\n/.exec(text);
  if (head === null) return null;
  let at = head[0].length;
  const words: string[] = [];
  for (let n = 0; n < Number(head[1]); n += 1) {
    const end = text.indexOf('\r\n', at);
    if (end < 0 || text[at] !== '$') return null;
    const from = end + 2;
    at = from + Number(text.slice(at + 1, end)) + 2;
    if (text.length < at) return null;
    words.push(text.slice(from, at - 2));
  }
  return { words, rest: text.slice(at) };
}
