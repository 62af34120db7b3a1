import { OAuthError, unavailable } from '../../oauth/errors.js';

/** The part of all seats that one zone may have, and one client. */
const OF_ZONE = 1 / 2;
const OF_CLIENT = 1 / 4;

/**
 * The seats of readers that wait for items of the revocation feed, each an open connection. There is a fixed number of
 * them; a zone may have half, a client a quarter, so that neither keeps others out.
 */
export class FeedSeats {
  private readonly counts = new Map<string, number>();
  private total = 0;

  /** @param size how many there are */
  constructor(private readonly size: number) {}

  /** How many are taken. */
  get taken(): number {
    return this.total;
  }

  /**
   * Takes one.
   *
   * @returns gives it back; a second call does nothing
   * @throws {OAuthError} slow_down if the client has enough; temporarily_unavailable if its zone or all readers have
   */
  take(zoneId: string, clientId: string): () => void {
    if (this.total >= this.size || this.count(zoneId) >= this.share(OF_ZONE)) {
      throw unavailable('too many readers of the revocation feed wait', undefined, 5);
    }
    if (this.count(clientId) >= this.share(OF_CLIENT)) {
      throw new OAuthError('slow_down', 'too many readers of this client wait', { retryAfter: 5 });
    }
    this.add(zoneId, clientId, 1);
    let isTaken = true;
    return () => {
      if (isTaken) this.add(zoneId, clientId, -1);
      isTaken = false;
    };
  }

  private add(zoneId: string, clientId: string, one: 1 | -1): void {
    this.total += one;
    for (const name of [zoneId, clientId]) {
      const count = this.count(name) + one;
      if (count > 0) this.counts.set(name, count);
      else this.counts.delete(name);
    }
  }

  private count(name: string): number {
    return this.counts.get(name) ?? 0;
  }

  private share(part: number): number {
    return Math.max(1, Math.floor(this.size * part));
  }
}
