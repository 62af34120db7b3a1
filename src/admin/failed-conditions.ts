import { PreconditionFailedException } from '@nestjs/common';
import { LRUCache } from 'lru-cache';

/** The conditions that are remembered. One that is forgotten is looked at in the database, as all are without this. */
const MAX_CONDITIONS = 1_000;

/** A request that changes something if it is still what the request expects (`If-Match`). */
export interface ConditionalRequest {
  /** Names the request's method and path, and what it expects. */
  readonly condition: string;
  /** When it had come, in milliseconds of the process (`performance.now()`). */
  readonly cameAt: number;
}

/**
 * The conditions of requests that the database has shown not to hold, and when: requests under the same condition that had
 * come by then are refused without a look of their own. Each of many who change one thing at once would otherwise wait for a
 * turn of the zone, to be told that somebody was faster, and meanwhile nobody would get on.
 *
 * That is the answer which they would have been given at that moment, while they waited. One that came later is none of
 * them: the thing may be again by then what it expects.
 */
export class FailedConditions {
  private readonly failedAt = new LRUCache<string, number>({ max: MAX_CONDITIONS });

  /**
   * Makes a change of a request, unless its condition has failed since that came.
   *
   * @param request `null` for one without a condition
   * @throws {PreconditionFailedException} if it has; and whatever `make` throws
   */
  async run<T>(request: ConditionalRequest | null, make: () => Promise<T>): Promise<T> {
    if (request === null) return make();
    const { condition, cameAt } = request;
    const failedAt = this.failedAt.get(condition);
    if (failedAt !== undefined && failedAt >= cameAt) throw new PreconditionFailedException(FAILED);
    const lookedAt = performance.now();
    try {
      return await make();
    } catch (error) {
      if (error instanceof PreconditionFailedException) this.failedAt.set(condition, lookedAt);
      throw error;
    }
  }
}

/** What who changes something under a condition that does not hold is told. */
export const FAILED = 'it has changed since, or never was as If-Match says';
