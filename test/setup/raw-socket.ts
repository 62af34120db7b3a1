import { once } from 'node:events';
import { connect } from 'node:net';

/** A connection on which every byte is written by hand. */
export interface RawSocket {
  readonly write: (text: string) => void;
  /** What the server has said so far. */
  readonly answer: () => string;
  /** Waits until the server has said something. */
  readonly says: (what: RegExp) => Promise<void>;
  /** Resolves when the server has closed the connection, with the milliseconds since it was opened. */
  readonly closed: Promise<number>;
  readonly destroy: () => void;
}

/** Connects to a port on this machine. */
export async function openSocket(port: number): Promise<RawSocket> {
  const socket = connect(port, '127.0.0.1');
  const opened = performance.now();
  let answer = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => (answer += chunk));
  const closed = new Promise<number>((resolve) => {
    socket.on('error', () => {});
    socket.on('end', () => socket.end());
    socket.on('close', () => resolve(performance.now() - opened));
  });
  await once(socket, 'connect');
  return {
    write: (text) => void (socket.writable && socket.write(text)),
    answer: () => answer,
    async says(what) {
      while (!what.test(answer)) {
        if (socket.destroyed) throw new Error(`closed without ${String(what)}: ${answer}`);
        await Promise.race([once(socket, 'data'), closed]);
      }
    },
    closed,
    destroy: () => socket.destroy(),
  };
}

/** The text of a POST of a form, in the parts that may be sent apart. */
export function formRequest(path: string, parameters: Record<string, string>) {
  const body = new URLSearchParams(parameters).toString();
  const head =
    `POST ${path} HTTP/1.1\r\nHost: localhost\r\n` +
    `Content-Type: application/x-www-form-urlencoded\r\nContent-Length: ${body.length}\r\n\r\n`;
  return { head, body };
}
