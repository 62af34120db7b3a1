import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { ClosedLoop, LoopResult } from './closed-loop.js';
import type { Command } from './generator.js';
import type { OpenLoop, OpenLoopResult } from './open-loop.js';

const GENERATOR = fileURLToPath(new URL('./generator.js', import.meta.url));

/** The load, in a process of its own: what it costs is not the server's, and not the measuring's. */
export class LoadProcess {
  readonly #child: ChildProcess;

  constructor() {
    // Advanced serialization carries bytes as they are.
    this.#child = fork(GENERATOR, { serialization: 'advanced' });
  }

  get pid(): number {
    const { pid } = this.#child;
    if (pid === undefined) throw new Error('the load was not started');
    return pid;
  }

  /** Hands over the requests of the next runs. */
  async take(requests: readonly Buffer[]): Promise<void> {
    await this.#tell({ do: 'take', requests });
  }

  async closed(loop: Omit<ClosedLoop, 'requests'>): Promise<LoopResult> {
    return (await this.#tell({ do: 'closed', loop })) as LoopResult;
  }

  /** Sends the first of the requests that were handed over, at a rate. */
  async open(loop: Omit<OpenLoop, 'request'>): Promise<OpenLoopResult> {
    return (await this.#tell({ do: 'open', loop })) as OpenLoopResult;
  }

  stop(): void {
    this.#child.disconnect();
  }

  #tell(command: Command): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const onExit = (): void => reject(new Error('the load ended'));
      this.#child.once('exit', onExit);
      this.#child.once('message', (answer: { result?: unknown; error?: string }) => {
        this.#child.off('exit', onExit);
        if (answer.error === undefined) resolve(answer.result);
        else reject(new Error(answer.error));
      });
      this.#child.send(command);
    });
  }
}
