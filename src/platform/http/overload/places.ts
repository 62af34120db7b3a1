import type { OverloadReason } from './overloaded.js';

/** Whom a place is counted for: the caller's address until it is known who asks, then the zone and the client. */
type HolderKind = 'address' | 'zone' | 'client';

/** One of them. */
export type Holder = readonly [HolderKind, string];

/** The part of the places open and free that one holder may have as many places as. */
const PART: Readonly<Record<HolderKind, number>> = { address: 1, zone: 1, client: 0.5 };

/** Places that stay open, however late the event loop is. */
const LEAST_OPEN = 8;

/** Milliseconds that a turn of the event loop may be late. */
const LATE_MS = 100;

/** The part of the time for a request within which it is to have begun: those that begin later are not done in time. */
const TO_BEGIN = 5 / 6;

/**
 * The places of requests in flight. There is a fixed number of them, of which one holder may have as many as are
 * still open and free (dynamic thresholds, as in shared switch memory): alone it gets half, and the next to come finds room.
 */
export class Places {
  private taken = 0;
  private readonly counts = new Map<string, number>();
  private open: number;

  /**
   * @param size how many there are
   * @param withinMs milliseconds within which a request that has one is answered
   */
  constructor(
    readonly size: number,
    private readonly withinMs: number,
  ) {
    this.open = size;
  }

  /** How many are taken. */
  get inFlight(): number {
    return this.taken;
  }

  /** How many may be taken by those who come now. */
  get limit(): number {
    return this.open;
  }

  /**
   * Lets the number of places follow the event loop: halves it while turns come late, and lets it grow back. And there
   * are no more than begin in time, as fast as they do now (Little's law): if more wait, each waits until it is too late
   * for all of them. An eighth always stays open, and a quarter however slowly they begin, so that one long turn does not
   * turn everybody away, nor a few callers who come at once.
   *
   * @param delayMs by how much turns were late on average since the last call
   * @param paceMs how far apart requests began that waited for each other; `null` if none had to
   */
  adapt(delayMs: number, paceMs: number | null): void {
    const least = Math.max(LEAST_OPEN, Math.floor(this.size / 8));
    const followed =
      delayMs > LATE_MS
        ? Math.max(least, Math.floor(this.open / 2))
        : Math.min(this.size, this.open + Math.ceil(this.size / 16));
    const inTime =
      paceMs === null ? this.size : Math.max(2 * least, (this.withinMs * TO_BEGIN) / paceMs);
    this.open = Math.floor(Math.min(followed, inTime));
  }

  /**
   * A place for one request, which has not been taken yet.
   *
   * @param holder that it is counted for until {@link Place.countFor}; `null` for none
   */
  place(holder: Holder | null): Place {
    return new Place(this, holder === null ? [] : [holder]);
  }

  /** Takes one. @returns why not, or `null` */
  take(): OverloadReason | null {
    if (this.taken >= this.size) return 'requests';
    if (this.taken >= this.open) return 'event_loop';
    this.taken += 1;
    return null;
  }

  giveBack(): void {
    this.taken -= 1;
  }

  /**
   * Counts a place that is taken for a holder.
   *
   * @param open how many were open when it was taken: what is under way is not measured by what is open to others since
   * @returns whether the holder may have it
   */
  count([kind, name]: Holder, open: number): boolean {
    const key = `${kind} ${name}`;
    const count = (this.counts.get(key) ?? 0) + 1;
    const free = Math.max(open, this.open) - this.taken;
    if (count > Math.max(1, Math.floor(free * PART[kind]))) return false;
    this.counts.set(key, count);
    return true;
  }

  discount([kind, name]: Holder): void {
    const key = `${kind} ${name}`;
    const count = (this.counts.get(key) ?? 1) - 1;
    if (count > 0) this.counts.set(key, count);
    else this.counts.delete(key);
  }
}

/** The place of one request. It may be given back and taken again, and is counted for its holder. */
export class Place {
  private isTaken = false;
  /** How many were open when it was taken. */
  private open = 0;

  constructor(
    private readonly places: Places,
    private holders: readonly Holder[],
  ) {}

  /** Takes the place. @returns why not; `null` if it is taken now */
  take(): OverloadReason | null {
    if (this.isTaken) return null;
    const full = this.places.take();
    if (full !== null) return full;
    this.isTaken = true;
    this.open = this.places.limit;
    return this.count(this.holders);
  }

  /**
   * Counts the place for a zone and a client from now on, and for the address no more.
   *
   * @param clientId `null` for an operator, who is no client
   * @returns which of them has enough already, and then the place is given back; `null` if it stays
   */
  countFor(zoneId: string, clientId: string | null): OverloadReason | null {
    const holders: readonly Holder[] = [
      ['zone', zoneId],
      ...(clientId === null ? [] : [['client', clientId] as const]),
    ];
    if (this.isTaken) this.discount();
    this.holders = holders;
    return this.isTaken ? this.count(holders) : null;
  }

  /** Gives the place back, if it is taken. */
  giveBack(): void {
    if (!this.isTaken) return;
    this.isTaken = false;
    this.discount();
    this.places.giveBack();
  }

  private count(holders: readonly Holder[]): OverloadReason | null {
    for (const [at, holder] of holders.entries()) {
      if (this.places.count(holder, this.open)) continue;
      this.holders = holders.slice(0, at);
      this.giveBack();
      this.holders = holders;
      return holder[0];
    }
    return null;
  }

  private discount(): void {
    for (const holder of this.holders) this.places.discount(holder);
  }
}
