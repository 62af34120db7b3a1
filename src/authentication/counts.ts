import { RateLimiterMemory, type RateLimiterAbstract } from 'rate-limiter-flexible';
import { KeyedLimit, type KeyedLimitOptions } from './keyed-limit.js';
import { SerialQueue } from './serial-queue.js';

/** A limit on how often something may happen, as {@link KeyedLimit} has it. */
export type Limit = Pick<KeyedLimit, 'take' | 'hasLeft'>;

/** Jobs one after the other, as {@link SerialQueue} has it. */
export type Queue = Pick<SerialQueue, 'run'>;

/** So many points in so many seconds. */
export interface Window {
  readonly points: number;
  readonly seconds: number;
}

/**
 * What is counted against those who ask. All workers of a replica count in one place: a caller would otherwise have
 * as many rations as there are workers to connect to.
 */
export interface Counts {
  /** @param name of the limit, the same in every worker */
  limit(name: string, options: KeyedLimitOptions): Limit;
  queue(name: string, maxWaiting: number): Queue;
  requests(name: string, window: Window): RateLimiterAbstract;
}

/** The injection token of {@link Counts}. */
export const COUNTS = Symbol('Counts');

/** Counts in the memory of this process, which is alone. */
export class OwnCounts implements Counts {
  limit(_name: string, options: KeyedLimitOptions): Limit {
    return new KeyedLimit(options);
  }

  queue(_name: string, maxWaiting: number): Queue {
    return new SerialQueue(maxWaiting);
  }

  requests(keyPrefix: string, { points, seconds }: Window): RateLimiterAbstract {
    return new RateLimiterMemory({ keyPrefix, points, duration: seconds });
  }
}
