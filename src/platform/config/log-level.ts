import type { Logger } from 'pino';

/** The levels of `LOG_LEVEL`, from the one that says least but for `silent`, which says nothing. */
export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

/** What is logged, and until when. */
export interface LevelState {
  readonly level: string;
  /** The one of `LOG_LEVEL`, which it goes back to. */
  readonly configured: string;
  /** Milliseconds since the epoch at which it does; `null` if it does not by itself. */
  readonly until: number | null;
}

/** A level that is wanted, and by whom. */
export interface WantedLevel {
  readonly level: string;
  /** Seconds after which the configured one is back; `null` for never. */
  readonly forSeconds: number | null;
  /** For the log: the id of a request, or the name of a signal. */
  readonly by: Readonly<Record<string, string>>;
}

/** Shows and changes the level of the log while the process runs. */
export interface LogLevels {
  show(): LevelState | Promise<LevelState>;
  change(wanted: WantedLevel): LevelState | Promise<LevelState>;
}

/** The injection token of {@link LogLevels}. */
export const LOG_LEVELS_TOKEN = Symbol('LogLevels');

/** The level of the log of a process, which may be changed while it runs, for a while or until it ends. */
export class LogLevel implements LogLevels {
  private configured: string;
  private until: number | null = null;
  private timer: NodeJS.Timeout | undefined;
  private readonly followers: ((level: string) => void)[] = [];

  /** @param now milliseconds since the epoch */
  constructor(
    private readonly logger: Logger,
    private readonly now: () => number = Date.now,
  ) {
    this.configured = logger.level;
  }

  /** Calls something with each new level. */
  follow(told: (level: string) => void): void {
    this.followers.push(told);
  }

  show(): LevelState {
    return { level: this.logger.level, configured: this.configured, until: this.until };
  }

  /** Changes it. The log says so at `warn`, unless it says nothing before and after. */
  change({ level, forSeconds, by }: WantedLevel): LevelState {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.until = null;
    if (forSeconds !== null && level !== this.configured) {
      this.until = this.now() + forSeconds * 1_000;
      const back = { level: this.configured, forSeconds: null, by: { after: `${forSeconds} s` } };
      this.timer = setTimeout(() => this.change(back), forSeconds * 1_000).unref();
    }
    this.set(level, by);
    return this.show();
  }

  /** Makes another level the configured one, and changes to it. */
  configure(level: string, by: WantedLevel['by']): LevelState {
    this.configured = level;
    return this.change({ level, forSeconds: null, by });
  }

  private set(level: string, by: WantedLevel['by']): void {
    const from = this.logger.level;
    if (level === from) return;
    // One that is to say less says this yet.
    const say = (): void =>
      this.logger.warn({ from, to: level, ...by }, 'the log level was changed');
    const before = this.logger.isLevelEnabled('warn');
    if (before) say();
    this.logger.level = level;
    if (!before) say();
    for (const told of this.followers) told(level);
  }
}

const levels = new WeakMap<Logger, LogLevel>();

/** The level of a log, of which there is one for each. */
export function logLevelOf(logger: Logger): LogLevel {
  const known = levels.get(logger) ?? new LogLevel(logger);
  levels.set(logger, known);
  return known;
}

/**
 * What SIGHUP does: takes the level that `LOG_LEVEL_FILE` says by now; without such a file, changes to `debug`, and back
 * to `LOG_LEVEL` the next time. On a terminal the signal goes on ending the process, as it does when that is closed.
 *
 * @param read the level that the file says; `null` if there is no such file
 */
export function hangUp(levelOf: LogLevel, read: () => string | null): void {
  const by = { signal: 'SIGHUP' };
  const said = read();
  if (said !== null) {
    levelOf.configure(said, by);
    return;
  }
  const { level, configured } = levelOf.show();
  levelOf.change({ level: level === configured ? 'debug' : configured, forSeconds: null, by });
}
