import { createConnection, type Socket } from 'node:net';
import {
  lineSplitter,
  readAnswer,
  type SignerAnswer,
  type SignerRequest,
} from './signer-protocol.js';
import { CustodyUnavailable } from '../../sealing/key-encryption.js';

/** A request without its `id`, which the connection sets. */
export type UnnumberedRequest = SignerRequest extends infer R
  ? R extends SignerRequest
    ? Omit<R, 'id'>
    : never
  : never;

/** A request that waits for its answer. */
interface Waiting {
  readonly answered: (answer: SignerAnswer) => void;
  readonly failed: (error: CustodyUnavailable) => void;
}

/** The most requests that may wait at once; more would be answered too late. */
const MAX_WAITING = 1_000;

/**
 * One connection to a signer for all requests. It is opened for the first request, and again after it
 * broke, so a signer may be restarted at any time.
 */
export class SignerConnection {
  private socket: Socket | null = null;
  private readonly waiting = new Map<number, Waiting>();
  private lastId = 0;

  /** @param path the Unix socket of the signer */
  constructor(private readonly path: string) {}

  /**
   * Sends a request.
   *
   * @param timeoutMs milliseconds to wait for the answer
   * @throws {CustodyUnavailable} if there is none in time
   */
  ask(request: UnnumberedRequest, timeoutMs: number): Promise<SignerAnswer> {
    if (this.waiting.size >= MAX_WAITING) {
      return Promise.reject(new CustodyUnavailable('the signer has too much to do'));
    }
    this.lastId += 1;
    const id = this.lastId;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.waiting.delete(id);
        reject(new CustodyUnavailable('the signer does not answer in time'));
      }, timeoutMs);
      const settled = (): void => {
        clearTimeout(timer);
        this.waiting.delete(id);
      };
      this.waiting.set(id, {
        answered: (answer) => {
          settled();
          resolve(answer);
        },
        failed: (error) => {
          settled();
          reject(error);
        },
      });
      this.connected().write(`${JSON.stringify({ id, ...request })}\n`);
    });
  }

  private connected(): Socket {
    if (this.socket !== null) return this.socket;
    const socket = createConnection(this.path);
    // The process must be able to end while a signer is connected.
    socket.unref();
    const split = lineSplitter((line) => {
      const answer = readAnswer(line);
      if (answer === null || answer.id === null) throw new Error('not an answer');
      this.waiting.get(answer.id)?.answered(answer);
    });
    socket.on('data', (chunk: Buffer) => {
      try {
        split(chunk);
      } catch (cause) {
        this.drop(socket, cause);
      }
    });
    socket.on('error', (cause) => this.drop(socket, cause));
    socket.on('close', () => this.drop(socket, undefined));
    this.socket = socket;
    return socket;
  }

  private drop(socket: Socket, cause: unknown): void {
    socket.destroy();
    if (this.socket !== socket) return;
    this.socket = null;
    const error = new CustodyUnavailable('the signer is out of reach', cause);
    for (const { failed } of this.waiting.values()) failed(error);
  }
}
