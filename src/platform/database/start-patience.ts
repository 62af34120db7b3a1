import { setTimeout as sleep } from 'node:timers/promises';
import { OAuthError } from '../../oauth/errors.js';
import { outageOf, refusalOf, unknownHostOf } from './outage.js';

/** The database cannot be used, and the process is not to be started. The message is for operators. */
export class DatabaseUnusable extends Error {
  override readonly name = 'DatabaseUnusable';

  /** @param passing whether another start may find it usable, with nothing changed but the database */
  constructor(
    message: string,
    readonly passing: boolean,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Milliseconds between two attempts. */
const RETRY_MS = 500;
/** Milliseconds after which an attempt that has not ended yet is spoken of. */
const SILENCE_MS = 700;
/** Milliseconds after which the same is said again. */
const AGAIN_MS = 10_000;

/** What mends a database that cannot be used for the time being, whatever it is that keeps it away. */
const REMEDY =
  'see that PostgreSQL runs, that DATABASE_URL names it and that it can be reached from here, and start again';

/** The one patience of a start: how long all its steps together wait for the database. */
export class StartPatience {
  private readonly since = performance.now();
  private said = '';
  private saidMore = false;
  private saidAt = 0;
  private reached = false;

  /**
   * @param seconds from now
   * @param report told why there is nothing but waiting: within a second, when the cause changes, and now and then
   */
  constructor(
    private readonly seconds: number,
    private readonly report: (message: string) => void,
  ) {}

  /** Milliseconds that are left. */
  get leftMs(): number {
    return Math.max(0, this.since + this.seconds * 1_000 - performance.now());
  }

  /**
   * Does something with the database, again and again while that cannot be used now.
   *
   * @param work one attempt, which may be repeated from its beginning
   * @param quick whether an attempt that takes long is one that is not answered
   * @throws {DatabaseUnusable} at once if waiting is of no use, or when the patience has ended
   * @throws what else `work` throws
   */
  async until<T>(work: () => Promise<T>, { quick = false } = {}): Promise<T> {
    for (;;) {
      const silence = quick
        ? setTimeout(() => this.say('it does not answer'), SILENCE_MS)
        : undefined;
      try {
        const result = await work();
        this.reached = true;
        return result;
      } catch (cause) {
        // Said of something else, such as a KMS, whatever the cause of that looks like.
        if (cause instanceof OAuthError) throw cause;
        const refusal = refusalOf(cause);
        if (refusal !== null) throw new DatabaseUnusable(refusal, false, { cause });
        // A host that was there a moment ago comes back; one that never was is most often misspelt.
        const unknown = this.reached ? null : unknownHostOf(cause);
        if (unknown !== null) throw new DatabaseUnusable(unknown, true, { cause });
        const outage = outageOf(cause);
        if (outage === null) throw cause;
        if (this.leftMs <= RETRY_MS) {
          throw new DatabaseUnusable(this.endedBy(outage, REMEDY), true, { cause });
        }
        this.say(outage);
      } finally {
        clearTimeout(silence);
      }
      await sleep(RETRY_MS);
    }
  }

  /**
   * What is said when it has ended.
   *
   * @param why what was waited for to the last
   * @param remedy what to do about it
   */
  endedBy(why: string, remedy: string): string {
    return `the database could not be used within ${this.seconds} seconds (START_SECONDS): ${why}; ${remedy}`;
  }

  /**
   * Says why there is nothing but waiting, if it is the database's.
   *
   * @param more what follows the reason in the sentence; that it is another one is no reason to say it again at once
   */
  tellOf(cause: unknown, more = ''): void {
    const outage = outageOf(cause);
    if (outage !== null) this.say(outage, more);
  }

  /** The same for something that is waited for, and is no failure. @param why follows "the database does not answer yet: " */
  tell(why: string): void {
    this.say(why);
  }

  private say(why: string, more = ''): void {
    const now = performance.now();
    const news = why !== this.said || (more !== '' && !this.saidMore);
    if (!news && now - this.saidAt < AGAIN_MS) return;
    this.said = why;
    this.saidMore = more !== '';
    this.saidAt = now;
    const left = Math.ceil(this.leftMs / 1_000);
    this.report(`the database does not answer yet: ${why}${more}; waiting for ${left} s more`);
  }
}
