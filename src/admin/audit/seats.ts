import { OAuthError, unavailable } from '../../oauth/errors.js';

/** How many there are of something that takes a connection for as long as its reader likes. */
export interface SeatLimits {
  readonly inAll: number;
  readonly ofOneOperator: number;
}

/** The seats of what operators read for long, in one process: a fixed number, of which one operator has a few. */
export class Seats {
  private readonly taken = new Map<string, number>();
  private total = 0;

  /** @param what is read, in the plural, as refusals say it */
  constructor(
    private readonly what: string,
    private readonly limits: SeatLimits,
  ) {}

  /**
   * Takes one.
   *
   * @param operator its name
   * @returns gives it back; a second call does nothing
   * @throws {OAuthError} slow_down if the operator has enough; temporarily_unavailable if all have
   */
  take(operator: string): () => void {
    const own = this.taken.get(operator) ?? 0;
    if (own >= this.limits.ofOneOperator) {
      const text = `${own} ${this.what} of this operator are under way here`;
      throw new OAuthError('slow_down', text, { retryAfter: 5 });
    }
    if (this.total >= this.limits.inAll) {
      throw unavailable(`too many ${this.what} are under way here`, undefined, 5);
    }
    this.count(operator, 1);
    let isTaken = true;
    return () => {
      if (isTaken) this.count(operator, -1);
      isTaken = false;
    };
  }

  private count(operator: string, one: 1 | -1): void {
    this.total += one;
    const own = (this.taken.get(operator) ?? 0) + one;
    if (own > 0) this.taken.set(operator, own);
    else this.taken.delete(operator);
  }
}
