import type { RateLimiterAbstract } from 'rate-limiter-flexible';
import { Topic, type Link } from '../platform/workers/link.js';
import { OwnCounts, type Counts, type Limit, type Queue, type Window } from './counts.js';
import { keyName, type KeyedLimitOptions } from './keyed-limit.js';
import { LeasedRequests } from './leased-requests.js';
import { Leases, type Lease, type LeaseRequest } from './leases.js';
import type { Quota } from './serial-queue.js';

interface LimitQuestion {
  readonly limit: string;
  readonly options: KeyedLimitOptions;
  readonly key: string;
}

interface LeaseQuestion extends LeaseRequest {
  readonly limit: string;
  readonly window: Window;
}

interface TurnQuestion {
  readonly queue: string;
  readonly maxWaiting: number;
  readonly quotas: readonly Quota[];
}

const TAKE = new Topic<LimitQuestion, boolean>('limit take');
const HAS_LEFT = new Topic<LimitQuestion, boolean>('limit left');
const LEASE = new Topic<LeaseQuestion, Lease>('limit lease');
/** The number of a turn, when it has come; `null` if the queue is full. */
const TURN = new Topic<TurnQuestion, number | null>('queue turn');
const DONE = new Topic<number, void>('queue done');

/** Counts that the primary process has, for this worker and all others. */
export class PrimaryCounts implements Counts {
  constructor(private readonly primary: Link) {}

  limit(limit: string, options: KeyedLimitOptions): Limit {
    const question = (key: readonly string[]) => ({ limit, options, key: keyName(key) });
    return {
      take: (...key) => this.primary.ask(TAKE, question(key)),
      hasLeft: (...key) => this.primary.ask(HAS_LEFT, question(key)),
    };
  }

  queue(queue: string, maxWaiting: number): Queue {
    return {
      run: async (quotas, job) => {
        const turn = await this.primary.ask(TURN, { queue, maxWaiting, quotas });
        if (turn === null) return null;
        try {
          return await job();
        } finally {
          this.primary.tell(DONE, turn);
        }
      },
    };
  }

  requests(limit: string, window: Window): RateLimiterAbstract {
    return new LeasedRequests(limit, window, (request) =>
      this.primary.ask(LEASE, { limit, window, ...request }),
    );
  }
}

/** The primary process's side of {@link PrimaryCounts}: counts for all workers. */
export class CountsForWorkers {
  private readonly own = new OwnCounts();
  private readonly limits = new Map<string, Limit>();
  private readonly leases = new Map<string, Leases>();
  private readonly queues = new Map<string, Queue>();
  private lastTurn = 0;

  /**
   * Answers what a worker asks.
   *
   * @returns ends what it has begun: to be called when it is gone
   */
  serve(worker: Link): () => void {
    /** The turns that the worker has, and what ends each. */
    const turns = new Map<number, () => void>();
    worker.answer(TAKE, ({ limit, options, key }) => this.limit(limit, options).take(key));
    worker.answer(HAS_LEFT, ({ limit, options, key }) => this.limit(limit, options).hasLeft(key));
    worker.answer(LEASE, ({ limit, window, key, wanted }) => {
      const leases = known(this.leases, limit, () => new Leases(window));
      return leases.lease({ key, wanted });
    });
    let gone = false;
    worker.answer(TURN, ({ queue, maxWaiting, quotas }) => {
      const line = known(this.queues, queue, () => this.own.queue(queue, maxWaiting));
      return new Promise((resolve, reject) => {
        const job = async (): Promise<true> => {
          if (gone) return true;
          const turn = (this.lastTurn += 1);
          resolve(turn);
          await new Promise<void>((over) => turns.set(turn, over));
          return true;
        };
        line.run(quotas, job).then((ran) => ran ?? resolve(null), reject);
      });
    });
    worker.answer(DONE, (turn) => {
      turns.get(turn)?.();
      turns.delete(turn);
    });
    return () => {
      gone = true;
      for (const end of turns.values()) end();
    };
  }

  private limit(name: string, options: KeyedLimitOptions): Limit {
    return known(this.limits, name, () => this.own.limit(name, options));
  }
}

/** What there is under a name, made when it is asked for first. */
function known<T>(all: Map<string, T>, name: string, make: () => T): T {
  const one = all.get(name) ?? make();
  all.set(name, one);
  return one;
}
