import { Injectable } from '@nestjs/common';

/**
 * Work that goes on without a request: timers, senders, subscriptions. Services register theirs here, and only the
 * server starts it (`main.ts`): a command of an operator has the same services, and must do nothing but what
 * it was told to.
 */
@Injectable()
export class BackgroundWork {
  private readonly starts: (() => void | Promise<void>)[] = [];

  /** Registers work. @param start begins it; waited for before the server listens, so it does not take long */
  add(start: () => void | Promise<void>): void {
    this.starts.push(start);
  }

  /** Begins all of it. */
  async start(): Promise<void> {
    await Promise.all(this.starts.map(async (start) => start()));
  }
}
