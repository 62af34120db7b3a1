import type { Link } from '../platform/workers/link.js';
import { FOUND, FOUND_BY, isFine, type Findings } from './worker-readiness.js';

/** How often in a row a worker may find that it cannot serve while another can. */
const FAILING_ROUNDS = 3;

/** A worker, as far as it is about what its checks find. */
export interface CheckedWorker {
  readonly number: number;
  readonly link: Link;
  /** Whether it answers requests now. */
  isListening(): boolean;
}

/** What is known of a worker. */
interface Known extends CheckedWorker {
  findings: Findings | null;
  failingRounds: number;
}

/**
 * The primary process's side of readiness: tells each worker what the checks of the others have found, and notices one that
 * cannot serve while another can.
 */
export class WorkerFindings {
  private readonly workers = new Map<number, Known>();

  /**
   * Hears what a worker finds.
   *
   * @param onFound is told each time, with what has failed too often in a row while another worker can serve; `null` as long
   *   as that is not so
   * @returns notes that it is gone
   */
  serve(worker: CheckedWorker, onFound: (unfit: Findings | null) => void): () => void {
    const { number, link } = worker;
    const known: Known = {
      number,
      link,
      isListening: () => worker.isListening(),
      findings: null,
      failingRounds: 0,
    };
    this.workers.set(number, known);
    link.answer(FOUND, (findings) => onFound(this.note(known, findings)));
    return () => {
      this.workers.delete(number);
      this.tellOthers(number, null);
    };
  }

  private note(worker: Known, findings: Findings | null): Findings | null {
    // Before its first round, which comes before it listens, it would not have heard it.
    if (worker.findings === null && findings !== null) this.tellOfOthers(worker);
    worker.findings = findings;
    this.tellOthers(worker.number, findings);
    if (findings === null || !worker.isListening()) return null;
    const another = [...this.workers.values()].some(
      (other) =>
        other !== worker &&
        other.isListening() &&
        other.findings !== null &&
        isFine(other.findings),
    );
    worker.failingRounds = another && !isFine(findings) ? worker.failingRounds + 1 : 0;
    return worker.failingRounds < FAILING_ROUNDS ? null : findings;
  }

  private tellOthers(worker: number, findings: Findings | null): void {
    for (const { link, number } of this.workers.values()) {
      if (number !== worker) link.tell(FOUND_BY, { worker, findings });
    }
  }

  private tellOfOthers({ number, link }: CheckedWorker): void {
    for (const { number: worker, findings } of this.workers.values()) {
      if (worker !== number && findings !== null) link.tell(FOUND_BY, { worker, findings });
    }
  }
}
