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

/** What a background thread may use. */
export interface BackgroundLimits {
  /** Of one task, from when it is its turn. */
  readonly timeMs: number;
  /** Of JavaScript objects. What the engine takes besides is bounded by its residency (engine.ts). */
  readonly memoryMb: number;
  /** How many tasks may wait, the current one included. */
  readonly queued: number;
}

/** A task that was not done: its turn did not come, or it was ended on the way. */
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

/** WebAssembly memory never shrinks, so a thread that has nothing to do is ended. */
const IDLE_MS = 60_000;

/**
 * Node 20 cannot run TypeScript on another thread. Run from source, which only unit tests do, tasks are
 * done on the calling thread, in the same order and with the same answers, but without limits of time
 * and memory. `background.spec.ts` compiles this folder first, and so tests the real thread.
 */
const FROM_SOURCE = import.meta.url.endsWith('.ts');

const running = new Set<Background>();

/** Ends all background threads; they start again when needed. */
export async function stopBackground(): Promise<void> {
  await Promise.all([...running].map((background) => background.stop()));
}

/** A thread for policy work. One task at a time; what kills the thread kills one task only. */
export class Background {
  private worker: Worker | undefined;
  private idle: NodeJS.Timeout | undefined;
  private last: Promise<unknown> = Promise.resolve();
  private queued = 0;

  constructor(private readonly limits: BackgroundLimits) {}

  /**
   * Does a task when it is its turn.
   *
   * @throws {BackgroundFailure} or what the task throws
   */
  async run<K extends TaskName>(task: K, input: TaskInputs[K]): Promise<TaskOutputs[K]> {
    if (this.queued >= this.limits.queued) throw new BackgroundFailure('busy');
    this.queued += 1;
    const turn = this.last.then(() => this.perform({ task, input }));
    this.last = turn.catch(() => {});
    try {
      return await turn;
    } finally {
      this.queued -= 1;
    }
  }

  /** Ends the thread, if it runs; its task fails. */
  async stop(): Promise<void> {
    clearTimeout(this.idle);
    const worker = this.worker;
    this.worker = undefined;
    running.delete(this);
    await worker?.terminate();
  }

  private async perform<K extends TaskName>(message: TaskMessage<K>): Promise<TaskOutputs[K]> {
    if (FROM_SOURCE) {
      await setImmediate();
      return perform(message.task, message.input);
    }
    const worker = this.ready();
    // To start a thread takes some milliseconds, and so does to post a large set: not both at once.
    await setImmediate();
    if (this.worker !== worker) throw new BackgroundFailure('lost');
    try {
      const answer = await ask(worker, message, this.limits.timeMs);
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
    const worker = (this.worker ??= this.start());
    // A process that waits for an answer must not end, one that does not must be able to.
    worker.ref();
    return worker;
  }

  private start(): Worker {
    const worker = new Worker(new URL('./policy-worker.js', import.meta.url), {
      // It needs no secrets, and no flags that are meant for the main thread.
      env: {},
      execArgv: [],
      resourceLimits: {
        maxOldGenerationSizeMb: this.limits.memoryMb,
        maxYoungGenerationSizeMb: Math.ceil(this.limits.memoryMb / 8),
      },
    });
    running.add(this);
    worker.on('exit', () => {
      if (this.worker === worker) this.worker = undefined;
    });
    // Whoever waits for a task hears of it; without a listener it would end the process.
    worker.on('error', () => {});
    return worker;
  }
}

/** Sends a task and waits for its reply, or for what comes in its place. */
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
