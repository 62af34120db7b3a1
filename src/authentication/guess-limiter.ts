import { OwnCounts, type Counts, type Limit } from './counts.js';

/** Wrong guesses at the secret of one client that one source may make in a minute. */
const GUESSES_A_MINUTE = 10;
/** The most pairs of a client and a source that are remembered. */
const MAX_PAIRS = 50_000;

/**
 * Limits wrong guesses at client secrets, by client and source together, so that guesses from elsewhere
 * cannot lock a client out. Bounded: the least recently guessed pairs are forgotten.
 */
export class GuessLimiter {
  private readonly guesses: Limit;
  /** The expensive comparisons for pairs without guesses left. */
  private readonly paced: Limit;

  constructor(counts: Counts = new OwnCounts()) {
    const maxKeys = MAX_PAIRS;
    this.guesses = counts.limit('guesses', { points: GUESSES_A_MINUTE, seconds: 60, maxKeys });
    this.paced = counts.limit('paced guesses', { points: 1, seconds: 1, maxKeys });
  }

  /**
   * Counts a wrong guess.
   *
   * @returns `false` if this was one too many
   */
  countWrong(clientId: string, source: string): Promise<boolean> {
    return this.guesses.take(clientId, source);
  }

  /**
   * Whether an expensive comparison may be made. A pair that has used up its guesses is slowed down to one
   * a second rather than shut out, since the next secret may be the right one.
   */
  async mayCompare(clientId: string, source: string): Promise<boolean> {
    if (await this.guesses.hasLeft(clientId, source)) return true;
    return this.paced.take(clientId, source);
  }
}
