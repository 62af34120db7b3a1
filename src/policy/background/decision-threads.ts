import { Background, BackgroundFailure } from './background.js';
import type { TaskInputs, TaskName, TaskOutputs } from './tasks.js';

/** The limits of the threads that decide. */
export interface DecisionLimits {
  readonly threads: number;
  /** Milliseconds of a thread that one decision may take, all of its turns together. */
  readonly timeMs: number;
  /** Milliseconds that it may wait and take, as the answer is waited for no longer. */
  readonly waitMs: number;
  /** MiB of JavaScript objects of each thread. */
  readonly memoryMb: number;
  /** The most decisions of one zone that may be under way or wait. */
  readonly queuedPerZone: number;
}

type Run = <K extends TaskName>(task: K, input: TaskInputs[K]) => Promise<TaskOutputs[K]>;

/** The thread of a turn. */
export interface DecidingThread {
  /** Runs a task of the decision, for as long as the decision may take. */
  readonly decide: Run;
  /** Runs a task that the thread keeps the fruit of, and that takes a bounded time: parsing. It is not the decision's time. */
  readonly prepare: Run;
}

/** Milliseconds for what is bounded by its size; a thread that takes longer is not well. */
const PREPARE_MS = 10_000;

/** What is done in one turn. */
type Work<T> = (thread: DecidingThread) => Promise<T>;

/** A piece of work of one zone. */
interface Turn {
  /** Begins it on a thread; it settles the promise of the caller who waits for it, and never rejects. */
  start(thread: Background): Promise<void>;
}

/** What one decision may still take. */
interface Allowance {
  timeMs: number;
  readonly until: number;
}

/**
 * Threads that decide what may take long. Zones take turns: each has at most one thread at a time, and the
 * next turn is that of the zone that has waited longest, so no zone waits for all that another one asks. A
 * decision that has used up its time ends the thread that it is on, and fails alone.
 */
export class DecisionThreads {
  private readonly idle: Background[];
  /** The turns that wait, by zone, the zone that is next first. */
  private readonly waiting = new Map<string, Turn[]>();
  /** The zones that a thread works for. */
  private readonly served = new Set<string>();
  /** How many decisions of each zone are under way or wait. */
  private readonly queued = new Map<string, number>();

  constructor(private readonly limits: DecisionLimits) {
    const { threads, memoryMb } = limits;
    const each = { timeMs: PREPARE_MS, memoryMb, queued: 1 };
    this.idle = Array.from({ length: threads }, () => new Background(each));
  }

  /**
   * Makes a decision, which takes one turn for each call of the function that it is given.
   *
   * @throws {BackgroundFailure} `busy` if too many of the zone wait, or its turn came too late; `time` if it took too long
   */
  async decide<T>(
    zoneId: string,
    make: (takeTurn: <U>(work: Work<U>) => Promise<U>) => Promise<T>,
  ): Promise<T> {
    const queued = this.queued.get(zoneId) ?? 0;
    if (queued >= this.limits.queuedPerZone) throw new BackgroundFailure('busy');
    this.queued.set(zoneId, queued + 1);
    const allowance = { timeMs: this.limits.timeMs, until: performance.now() + this.limits.waitMs };
    try {
      return await make((work) => this.turn(zoneId, allowance, work));
    } finally {
      const left = (this.queued.get(zoneId) ?? 1) - 1;
      if (left > 0) this.queued.set(zoneId, left);
      else this.queued.delete(zoneId);
    }
  }

  private turn<U>(zoneId: string, allowance: Allowance, work: Work<U>): Promise<U> {
    return new Promise<U>((resolve, reject) => {
      const start = async (thread: Background) => {
        if (performance.now() > allowance.until) {
          reject(new BackgroundFailure('busy'));
          return;
        }
        await thread
          .start()
          .then(() => work(limitedTo(allowance, thread)))
          .then(resolve, reject);
      };
      const turns = this.waiting.get(zoneId) ?? [];
      this.waiting.set(zoneId, turns);
      turns.push({ start });
      this.serve();
    });
  }

  /** Gives idle threads to the zones that wait. */
  private serve(): void {
    for (const [zoneId, turns] of this.waiting) {
      if (this.idle.length === 0) return;
      if (!this.served.has(zoneId)) this.serveOne(zoneId, turns);
    }
  }

  private serveOne(zoneId: string, turns: Turn[]): void {
    const thread = this.idle.pop();
    const turn = turns.shift();
    // Behind all others, if it has more to do.
    this.waiting.delete(zoneId);
    if (turns.length > 0) this.waiting.set(zoneId, turns);
    if (thread === undefined || turn === undefined) return;
    this.served.add(zoneId);
    void turn.start(thread).finally(() => {
      this.served.delete(zoneId);
      this.idle.push(thread);
      this.serve();
    });
  }
}

/** A thread that runs tasks for what is left of an allowance. */
function limitedTo(allowance: Allowance, thread: Background): DecidingThread {
  return {
    decide: async (task, input) => {
      const started = performance.now();
      try {
        return await thread.run(task, input, Math.max(1, allowance.timeMs));
      } finally {
        allowance.timeMs -= performance.now() - started;
      }
    },
    prepare: (task, input) => thread.run(task, input),
  };
}
