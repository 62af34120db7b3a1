import { connect, type Socket } from 'node:net';

/** An answer, as far as it is looked at while the clock runs. */
export interface RawAnswer {
  readonly status: number;
  /** Head and body as they came. */
  readonly bytes: Buffer;
  /** Where the body begins. */
  readonly bodyAt: number;
}

const END_OF_HEAD = Buffer.from('\r\n\r\n');
const LENGTH = /\r\ncontent-length: *(\d+)/i;

/**
 * One keep-alive connection that has one request under way at most.
 *
 * It is written on a bare socket, since whatever the load costs is taken from the servers that it measures: an
 * answer costs one read, two searches and no string but that of its head. Only answers with a Content-Length are
 * understood.
 */
export class Connection {
  readonly #socket: Socket;
  #received: Buffer | null = null;
  #answered: ((answer: RawAnswer) => void) | null = null;
  #failed: ((error: Error) => void) | null;

  private constructor(socket: Socket, failed: (error: Error) => void) {
    this.#socket = socket;
    this.#failed = failed;
    socket.setNoDelay(true);
    socket.on('data', (chunk) => this.#read(chunk));
    socket.on('error', (error) => this.#fail(error));
    socket.on('close', () => this.#fail(new Error('the server closed a connection of the load')));
  }

  /**
   * Connects to a port of this machine.
   *
   * @param failed is called once, when the connection breaks or an answer cannot be read, unless it was closed here
   */
  static open(port: number, failed: (error: Error) => void): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1' });
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(new Connection(socket, failed));
      });
    });
  }

  /** Sends a whole request; the answer is given to `answered` within the call that reads its last byte. */
  send(request: Buffer, answered: (answer: RawAnswer) => void): void {
    this.#answered = answered;
    this.#socket.write(request);
  }

  /** Sends a whole request and waits for its answer. */
  ask(request: Buffer): Promise<RawAnswer> {
    return new Promise((resolve) => this.send(request, resolve));
  }

  close(): void {
    this.#failed = null;
    this.#socket.destroy();
  }

  #fail(error: Error): void {
    const failed = this.#failed;
    this.#failed = null;
    this.#socket.destroy();
    failed?.(error);
  }

  #read(chunk: Buffer): void {
    const bytes = this.#received === null ? chunk : Buffer.concat([this.#received, chunk]);
    this.#received = bytes;
    const end = bytes.indexOf(END_OF_HEAD);
    if (end < 0) return;
    const length = LENGTH.exec(bytes.toString('latin1', 0, end))?.[1];
    if (length === undefined) {
      this.#fail(
        new Error(`an answer without Content-Length: ${bytes.toString('latin1', 0, end)}`),
      );
      return;
    }
    const bodyAt = end + END_OF_HEAD.length;
    if (bytes.length < bodyAt + Number(length)) return;
    this.#received = null;
    // `HTTP/1.1 200 …`: the status is three digits at a fixed place.
    const status = Number(bytes.toString('latin1', 9, 12));
    const answered = this.#answered;
    this.#answered = null;
    answered?.({ status, bytes, bodyAt });
  }
}

/** The bytes of a form that is sent to a path. */
export function formRequest(
  path: string,
  form: string,
  headers: Readonly<Record<string, string>> = {},
): Buffer {
  return postRequest(path, 'application/x-www-form-urlencoded', form, headers);
}

/** The bytes of a GET. */
export function getRequest(path: string): Buffer {
  return Buffer.from(`GET ${path} HTTP/1.1\r\nHost: bench\r\n\r\n`);
}

/** The bytes of a POST of any body. */
export function postRequest(
  path: string,
  type: string,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): Buffer {
  const lines = [
    `POST ${path} HTTP/1.1`,
    'Host: bench',
    `Content-Type: ${type}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ];
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}`);
}
