import { OAuthError, unavailable } from '../oauth/errors.js';

/** Bounds of {@link Turns}. */
export interface TurnLimits {
  /** The most jobs under way for one key. */
  readonly ofOneKey: number;
  /** The most jobs under way in all. */
  readonly inAll: number;
  /** The most jobs that wait for one key. */
  readonly waiting: number;
  /** The most of these that one asker has. */
  readonly waitingOfOne: number;
  /** Milliseconds that a job may wait. */
  readonly waitMs: number;
}

interface Waiting {
  readonly begin: () => void;
}

/** What waits for one key: those who ask, in the order in which they are next, and what each wants. */
interface Line {
  running: number;
  waiting: number;
  readonly askers: Map<string, Waiting[]>;
}

/**
 * Turns that jobs take within the process, before they take a connection: whatever they would wait for in
 * the database, a connection would wait with them, and there are few. Keys (zones, say) come round one
 * after the other, and so do those who ask for one key; what one asker wants is done in order.
 */
export class Turns {
  /** In the order in which they are next. One that nothing runs or waits for is not in here. */
  private readonly lines = new Map<string, Line>();
  private running = 0;

  constructor(private readonly limits: TurnLimits) {}

  /**
   * Runs a job when its turn comes.
   *
   * @param key what has its bound, such as a zone
   * @param asker who asks, among those who ask for the key
   * @returns what the job returns
   * @throws {OAuthError} slow_down if the asker has too many waiting; temporarily_unavailable if too many
   *   wait for the key, or the turn did not come in time: the job was not begun, and will not be
   */
  async take<T>(key: string, asker: string, job: () => Promise<T>): Promise<T> {
    const line = this.lineOf(key);
    if (this.running >= this.limits.inAll || line.running >= this.limits.ofOneKey) {
      await this.wait(key, line, asker);
    } else {
      this.begin(key, line);
    }
    try {
      return await job();
    } finally {
      this.end(key, line);
    }
  }

  private lineOf(key: string): Line {
    const known = this.lines.get(key);
    if (known !== undefined) return known;
    const line: Line = { running: 0, waiting: 0, askers: new Map() };
    this.lines.set(key, line);
    return line;
  }

  private wait(key: string, line: Line, asker: string): Promise<void> {
    const own = line.askers.get(asker) ?? [];
    if (own.length >= this.limits.waitingOfOne) {
      throw new OAuthError('slow_down', 'too many requests at once', {
        detail: 'too much of one client waits for its turn',
        retryAfter: 1,
      });
    }
    if (line.waiting >= this.limits.waiting) throw unavailable('too much waits for its turn');
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        begin: () => {
          clearTimeout(timer);
          this.leave(line, asker, waiting);
          this.begin(key, line);
          resolve();
        },
      };
      const timer = setTimeout(() => {
        this.leave(line, asker, waiting);
        if (line.running === 0 && line.waiting === 0) this.lines.delete(key);
        reject(unavailable('its turn did not come in time'));
      }, this.limits.waitMs);
      own.push(waiting);
      line.askers.set(asker, own);
      line.waiting += 1;
    });
  }

  private begin(key: string, line: Line): void {
    this.running += 1;
    line.running += 1;
    this.last(key, line);
  }

  private end(key: string, line: Line): void {
    this.running -= 1;
    line.running -= 1;
    this.last(key, line);
    this.next()?.begin();
  }

  /** Puts a key behind all others, or forgets it if nothing runs or waits for it. */
  private last(key: string, line: Line): void {
    this.lines.delete(key);
    if (line.running > 0 || line.waiting > 0) this.lines.set(key, line);
  }

  /** Whose turn it is: of the first key that may have another, the first asker's first. */
  private next(): Waiting | undefined {
    if (this.running >= this.limits.inAll) return undefined;
    for (const line of this.lines.values()) {
      if (line.running >= this.limits.ofOneKey) continue;
      for (const [first] of line.askers.values()) return first;
    }
    return undefined;
  }

  /** Takes something out of its line. Its asker is last from now on. */
  private leave(line: Line, asker: string, waiting: Waiting): void {
    const rest = (line.askers.get(asker) ?? []).filter((one) => one !== waiting);
    line.askers.delete(asker);
    if (rest.length > 0) line.askers.set(asker, rest);
    line.waiting -= 1;
  }
}
