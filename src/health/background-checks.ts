import { Periodic } from '../platform/periodic.js';
import { singleFlight } from './single-flight.js';

/** One check: rejects if something is wrong. */
export type Check = () => Promise<void>;

/** The times of {@link BackgroundChecks}, in milliseconds. */
export interface CheckTimes {
  /** Between two rounds. */
  readonly everyMs: number;
  /** For one check. */
  readonly withinMs: number;
}

/** Milliseconds for which the checks of a round wait for the one before them. */
const NEXT_MS = 100;

/** How many rounds may be missing before what the last one said counts no more. */
const MISSING_ROUNDS = 3;

/** Whether nothing was heard of checks for too long. @param at when something was, by `performance.now` */
export function isTooOld(at: number, { everyMs, withinMs }: CheckTimes): boolean {
  return at < performance.now() - MISSING_ROUNDS * everyMs - withinMs;
}

/** The error of a check that did not end in time. */
export class TookTooLong extends Error {
  override readonly name = 'TookTooLong';
}

/** The error of a check of which nothing was heard for too long, or nothing yet. */
export class NotChecked extends Error {
  override readonly name = 'NotChecked';
}

interface Result {
  readonly at: number;
  /** What was wrong; `null` if nothing. */
  readonly error: unknown;
}

/**
 * Checks that run in the background, one round after the other, and what the last round said. A caller
 * for that causes nothing, however often. A check that hangs is not begun again, and what is too old counts as
 * a failure: a process that does not get to its checks does not get to its requests either.
 */
export class BackgroundChecks<Name extends string> {
  private readonly results = new Map<Name, Result>();
  private readonly periodic = new Periodic(() => this.round(), 0);
  private readonly checks: readonly (readonly [Name, Check])[];

  /** @param afterRound told that a round has ended */
  constructor(
    checks: Readonly<Record<Name, Check>>,
    private readonly times: CheckTimes,
    private readonly afterRound: () => void = () => {},
  ) {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the keys of a record of names are names
    const named = Object.entries(checks) as [Name, Check][];
    this.checks = named.map(([name, check]) => [name, singleFlight(check)]);
  }

  /** Runs the first round, and then one after the other. */
  async start(): Promise<void> {
    this.periodic.start(await this.round());
  }

  /** Ends the rounds. */
  stop(): void {
    this.periodic.stop();
  }

  /** What is wrong by the last word of a check; `null` if nothing. */
  errorOf(name: Name): unknown {
    const result = this.results.get(name);
    if (result === undefined || isTooOld(result.at, this.times)) return new NotChecked();
    return result.error;
  }

  /**
   * Each check begins when the one before has ended, so that one connection of the pool is enough for all of them; or a
   * moment after it began, so that what hangs holds up nothing else.
   */
  private async round(): Promise<number> {
    const begun: Promise<void>[] = [];
    for (const [name, check] of this.checks) {
      const one = this.runOne(name, check);
      begun.push(one);
      // oxlint-disable-next-line no-await-in-loop -- that is the point
      await endOf(one, NEXT_MS);
    }
    await Promise.all(begun);
    this.afterRound();
    return this.times.everyMs;
  }

  private async runOne(name: Name, check: Check): Promise<void> {
    const error = await this.outcomeOf(check);
    this.results.set(name, { at: performance.now(), error });
  }

  private outcomeOf(check: Check): Promise<unknown> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(new TookTooLong()), this.times.withinMs);
      check()
        .then(
          () => resolve(null),
          (error: unknown) => resolve(error),
        )
        .finally(() => clearTimeout(timer));
    });
  }
}

/** Waits for the end of work that does not fail, so many milliseconds at most. */
function endOf(work: Promise<void>, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    void work.finally(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
