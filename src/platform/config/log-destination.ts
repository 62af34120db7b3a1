import type { DestinationStream } from 'pino';

/** The most bytes of one write: what a pipe takes in one piece (PIPE_BUF), so that lines of several writers stay whole. */
export const MAX_BYTES = 4_096;
/** So many lines of a second are written as they come. */
const AT_ONCE = 20;
/** Milliseconds that any further line waits for others, at most. */
const WAIT_MS = 200;
/** The least of pino's levels that does not wait: `warn`. */
const WARN = 40;

/** Has pino tell the level of each line. */
const TELL_LEVEL: unique symbol = Symbol.for('pino.metadata');

/**
 * Where lines of the log go. While there are few, each is written as it comes; of many, some are written together,
 * since a write for each would be a tenth of what a token request costs. Lines keep their order, and a warning or an
 * error takes those before it along.
 */
export class LogDestination implements DestinationStream {
  readonly [TELL_LEVEL] = true;
  /** The level of the line that is written next; pino sets it. */
  lastLevel = 0;
  private waiting = '';
  private waitingBytes = 0;
  private timer: NodeJS.Timeout | undefined;
  private second = { since: Number.NEGATIVE_INFINITY, lines: 0 };

  /** @param out writes a text before it returns, if it can */
  constructor(private readonly out: DestinationStream) {}

  write(line: string): void {
    const bytes = Buffer.byteLength(line);
    if (this.waitingBytes + bytes > MAX_BYTES) this.flush();
    this.waiting += line;
    this.waitingBytes += bytes;
    if (this.isOneOfFew() || this.lastLevel >= WARN) this.flush();
    else this.timer ??= setTimeout(() => this.flush(), WAIT_MS).unref();
  }

  /** Writes what waits. To be called before the process ends. */
  flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.waiting === '') return;
    const text = this.waiting;
    this.waiting = '';
    this.waitingBytes = 0;
    this.out.write(text);
  }

  private isOneOfFew(): boolean {
    const now = performance.now();
    if (now - this.second.since >= 1_000) this.second = { since: now, lines: 0 };
    this.second.lines += 1;
    return this.second.lines <= AT_ONCE;
  }
}
