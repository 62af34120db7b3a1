import { PlaceUnusable } from './checkpoint-place.js';

/**
 * Does work that may hang for ever and cannot be broken off, such as with files of a network directory: one after the other, and
 * no more while one hangs. So at most one of the threads that the process has for files is lost to it.
 */
export class HangGuard {
  private running: Promise<void> | null = null;
  private hangs = false;

  /**
   * @param what is waited for, as failures say it
   * @param deadlineMs milliseconds after which work is said to hang
   */
  constructor(
    private readonly what: string,
    private readonly deadlineMs: number,
  ) {}

  /**
   * Does some work, once what came before is over.
   *
   * @param work is told by the signal that nobody waits for it any more: it is to do no more then, once it can
   * @throws {PlaceUnusable} if it hangs, or something before it does
   * @throws what the work throws
   */
  async run<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    while (this.running !== null) {
      // oxlint-disable-next-line no-await-in-loop
      await this.inTime(this.running);
    }
    const late = new AbortController();
    const result = work(late.signal);
    const over = (): void => {
      this.running = null;
      this.hangs = false;
    };
    this.running = result.then(over, over);
    try {
      return await this.inTime(result);
    } catch (error) {
      late.abort(error);
      throw error;
    }
  }

  private async inTime<T>(work: Promise<T>): Promise<T> {
    if (this.hangs) throw this.hanging();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        this.hangs = true;
        reject(this.hanging());
      }, this.deadlineMs).unref();
    });
    try {
      return await Promise.race([work, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  private hanging(): PlaceUnusable {
    return new PlaceUnusable(`${this.what} hangs: nothing more is asked of it until it answers`);
  }
}
