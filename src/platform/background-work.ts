import { Injectable } from '@nestjs/common';

/**
 * Work that goes on without a request: timers, senders, subscriptions. Services register theirs here, and only the
 * server starts it (`serve.ts`): a command of an operator has the same services, and must do nothing but what
 * it was told to.
 */
@Injectable()
export class BackgroundWork {
  private readonly starts: (() => void | Promise<void>)[] = [];
  private readonly jobs: (() => void)[] = [];

  /** Registers work. @param start begins it; waited for before the server listens, so it does not take long */
  add(start: () => void | Promise<void>): void {
    this.starts.push(start);
  }

  /**
   * Registers work on what is in the database, which is enough to be done by one worker of a replica. Several may be
   * at it all the same: other replicas are.
   */
  addJob(start: () => void): void {
    this.jobs.push(start);
  }

  /** Begins what each process does for itself. */
  async start(): Promise<void> {
    await Promise.all(this.starts.map(async (start) => start()));
  }

  /** Begins the jobs, if they have not begun. */
  startJobs(): void {
    for (const start of this.jobs.splice(0)) start();
  }
}
