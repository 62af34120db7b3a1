import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import type { Window } from './counts.js';

/** What a worker asks for. */
export interface LeaseRequest {
  readonly key: string;
  /** How many points it would like to have. */
  readonly wanted: number;
}

/** Points of the current window that one worker may spend. None: there are none left. */
export interface Lease {
  readonly points: number;
  /** Milliseconds until the window ends, and with it what is left of the points. */
  readonly ms: number;
}

/** The part of the points that are left which one lease may have, so that the last ones go one by one. */
const PART = 1 / 8;

/**
 * The points of one limit, leased to workers a few at a time, so that a request seldom asks the primary process.
 * More than there are is never leased. What a worker has and does not spend is lost with the window; the fewer are
 * left, the smaller a lease is, so that this is little.
 */
export class Leases {
  private readonly counts: RateLimiterMemory;
  private turn: Promise<unknown> = Promise.resolve();

  constructor(private readonly window: Window) {
    this.counts = new RateLimiterMemory({ points: window.points, duration: window.seconds });
  }

  /** Leases points of a key: at least one, if one is left. */
  lease(request: LeaseRequest): Promise<Lease> {
    // What is left is looked up first, so two must not do this at once.
    const leased = this.turn.then(() => this.take(request));
    this.turn = leased.catch(() => {});
    return leased;
  }

  private async take({ key, wanted }: LeaseRequest): Promise<Lease> {
    const known = await this.counts.get(key);
    const left =
      known === null || known.msBeforeNext <= 0 ? this.window.points : known.remainingPoints;
    const points = Math.max(1, Math.min(wanted, Math.floor(left * PART)));
    try {
      const { msBeforeNext } = await this.counts.consume(key, points);
      return { points, ms: msBeforeNext };
    } catch (refused) {
      if (refused instanceof RateLimiterRes) return { points: 0, ms: refused.msBeforeNext };
      throw refused;
    }
  }
}
