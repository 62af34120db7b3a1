import { setImmediate } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import {
  type TaskInputs,
  type TaskMessage,
  type TaskName,
  type TaskOutputs,
  type TaskReply,
  perform,
  errorOf,
} from './tasks.js';

/** The limits of a background thread. */
export interface BackgroundLimits {
  /** Milliseconds of one task, from its start. */
  readonly timeMs: number;
  /** MiB of JavaScript objects. The engine's memory is bounded by its residency (engine.ts). */
  readonly memoryMb: number;
  /** The most tasks in the queue, the current one included. */
  readonly queued: number;
  /**
   * How far its priority is below that of the thread that answers requests, where threads have one (Linux): by 10 it gets
   * a tenth of a processor that both want, by 5 a quarter. 10 if absent.
   */
  readonly niceness?: number;
}

/** What a thread is told when it starts. */
export interface ThreadSettings {
  readonly niceness: number;
}

/** Thrown for a task that was not done: the queue was full, or the thread was ended. */
export class BackgroundFailure extends Error {
  override readonly name = 'BackgroundFailure';

  constructor(
    readonly reason: 'busy' | 'time' | 'memory' | 'lost',
    options?: ErrorOptions,
  ) {
    super(MESSAGES[reason], options);
  }
}

const MESSAGES = {
  busy: 'too many tasks wait for the policy thread',
  time: 'the policy thread took too long and was ended',
  memory: 'the policy thread needed too much memory and was ended',
  lost: 'the policy thread ended unexpectedly',
};

/** Milliseconds after which an idle thread is ended, since WebAssembly memory never shrinks. */
const IDLE_MS = 60_000;

const NICENESS = 10;

/**
 * Whether this runs from TypeScript source, as only unit tests do. Node 20 cannot run TypeScript on another
 * thread, so tasks then run on the calling thread, in the same order and with the same results, but without
 * limits of time and memory. `background.spec.ts` compiles this folder first, and so tests the real thread.
 */
const FROM_SOURCE = import.meta.url.endsWith('.ts');

const running = new Set<Background>();

/** Ends all background threads; they start again when needed. */
export async function stopBackground(): Promise<void> {
  await Promise.all([...running].map((background) => background.stop()));
}

/** A background thread with a queue: one task at a time, and a task that kills the thread fails alone. */
export class Background {
  private worker: Worker | undefined;
  private idle: NodeJS.Timeout | undefined;
  private last: Promise<unknown> = Promise.resolve();
  private queued = 0;

  constructor(private readonly limits: BackgroundLimits) {}

  /**
   * Runs a task after those that were queued before.
   *
   * @param timeMs milliseconds that it may take, from its start
   * @throws {BackgroundFailure} if it was not done, or what the task throws
   */
  async run<K extends TaskName>(
    task: K,
    input: TaskInputs[K],
    timeMs = this.limits.timeMs,
  ): Promise<TaskOutputs[K]> {
    if (this.queued >= this.limits.queued) throw new BackgroundFailure('busy');
    this.queued += 1;
    const turn = this.last.then(() => this.perform({ task, input }, timeMs));
    this.last = turn.catch(() => {});
    try {
      return await turn;
    } finally {
      this.queued -= 1;
    }
  }

  /** Starts the thread, if it does not run, so that its start is not the next task's time. */
  async start(): Promise<void> {
    if (this.worker === undefined) await this.run('hold', []);
  }

  /** Ends the thread, if it runs; its current task fails. */
  async stop(): Promise<void> {
    clearTimeout(this.idle);
    const worker = this.worker;
    this.worker = undefined;
    running.delete(this);
    await worker?.terminate();
  }

  private async perform<K extends TaskName>(
    message: TaskMessage<K>,
    timeMs: number,
  ): Promise<TaskOutputs[K]> {
    if (FROM_SOURCE) {
      await setImmediate();
      return perform(message.task, message.input);
    }
    const worker = this.ready();
    // Starting a thread takes some milliseconds, and so does posting a large set: not both in one turn.
    await setImmediate();
    if (this.worker !== worker) throw new BackgroundFailure('lost');
    try {
      const answer = await ask(worker, message, timeMs);
      worker.unref();
      this.idle = setTimeout(() => void this.stop(), IDLE_MS).unref();
      if ('output' in answer) return answer.output;
      throw errorOf(answer.failure);
    } catch (error) {
      if (error instanceof BackgroundFailure) await this.stop();
      throw error;
    }
  }

  private ready(): Worker {
    clearTimeout(this.idle);
    const worker = (this.worker ??= this.newWorker());
    // The process stays alive while a task runs, and only then.
    worker.ref();
    return worker;
  }

  private newWorker(): Worker {
    const worker = new Worker(new URL('./policy-worker.js', import.meta.url), {
      // No secrets, and no flags of the main thread.
      env: {},
      execArgv: [],
      workerData: { niceness: this.limits.niceness ?? NICENESS } satisfies ThreadSettings,
      resourceLimits: {
        maxOldGenerationSizeMb: this.limits.memoryMb,
        maxYoungGenerationSizeMb: Math.ceil(this.limits.memoryMb / 8),
      },
    });
    running.add(this);
    worker.on('exit', () => {
      if (this.worker === worker) this.worker = undefined;
    });
    // The caller of the task gets the error; without a listener it would end the process.
    worker.on('error', () => {});
    return worker;
  }
}

/** Sends a task and waits for its reply, its deadline or the end of the thread. */
async function ask<K extends TaskName>(
  worker: Worker,
  message: TaskMessage<K>,
  timeMs: number,
): Promise<TaskReply<K>> {
  const done = new AbortController();
  try {
    return await new Promise<TaskReply<K>>((resolve, reject) => {
      const late = setTimeout(() => reject(new BackgroundFailure('time')), timeMs);
      const fail = (cause: unknown) => reject(new BackgroundFailure(reasonOf(cause), { cause }));
      worker.once('message', resolve).once('error', fail).once('exit', fail);
      done.signal.addEventListener('abort', () => {
        clearTimeout(late);
        worker.off('message', resolve).off('error', fail).off('exit', fail);
      });
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- threads have no origin
      worker.postMessage(message);
    });
  } finally {
    done.abort();
  }
}

function reasonOf(cause: unknown): 'memory' | 'lost' {
  const exhausted =
    cause instanceof Error && 'code' in cause && cause.code === 'ERR_WORKER_OUT_OF_MEMORY';
  return exhausted ? 'memory' : 'lost';
}
