import { runClosedLoop } from '../load/closed-loop.js';

/** Sessions that are opened at once where they are wanted and there are none. */
const AT_ONCE = 16;

/**
 * Session mandates that were not presented yet. Those that are issued while sessions are measured are kept here, so
 * that few have to be asked for only to be exchanged; each is a session of its own.
 */
export class SubjectPool {
  readonly #port: number;
  readonly #request: Buffer;
  #tokens: string[] = [];

  /** @param request asks for a session mandate */
  constructor(port: number, request: Buffer) {
    this.#port = port;
    this.#request = request;
  }

  /** Keeps the tokens of answers. */
  add(bodies: readonly string[]): void {
    for (const body of bodies) {
      this.#tokens.push((JSON.parse(body) as { access_token: string }).access_token);
    }
  }

  /** So many tokens that were not given out before: the newest, since they end. What is missing is asked for. */
  async take(count: number): Promise<string[]> {
    const missing = count - this.#tokens.length;
    if (missing > 0) await this.#ask(missing);
    return this.#tokens.splice(-count);
  }

  async #ask(count: number): Promise<void> {
    const { bodies, wrongSamples } = await runClosedLoop({
      port: this.#port,
      callers: Math.min(count, AT_ONCE),
      seconds: Number.POSITIVE_INFINITY,
      requests: Array.from({ length: count }, () => this.#request),
      repeat: false,
      status: 200,
      keepBodies: true,
    });
    if (wrongSamples.length > 0) throw new Error(`a session was refused: ${wrongSamples[0]}`);
    this.add(bodies);
  }
}
