/** Bounds of {@link ArrivingBodies}. */
export interface ArrivingLimits {
  readonly bodies: number;
  /** Bytes of all of them together. */
  readonly bytes: number;
}

/** A body that is being read. */
export interface Arrival {
  /** Counts bytes that have come. */
  grew(bytes: number): void;
  /** To be called once, however it ends. */
  over(): void;
}

/**
 * The bodies that are being read at once, within bounds. When there is no more room the one that has been on its way
 * for longest gives way: a caller who sends slowly on many connections loses those, and an honest body, which is there
 * within milliseconds, gets through.
 */
export class ArrivingBodies {
  /** In the order in which they began. */
  private readonly arriving = new Map<Arrival, { bytes: number; readonly giveWay: () => void }>();
  private bytes = 0;

  constructor(private readonly limits: ArrivingLimits) {}

  /** How many there are now. */
  get count(): number {
    return this.arriving.size;
  }

  /**
   * Counts one more body.
   *
   * @param giveWay called if it has to make room; it is not counted any more then
   */
  begin(giveWay: () => void): Arrival {
    const arrival: Arrival = {
      grew: (bytes) => {
        const counted = this.arriving.get(arrival);
        if (counted === undefined) return;
        counted.bytes += bytes;
        this.bytes += bytes;
        while (this.bytes > this.limits.bytes) this.dropOldest();
      },
      over: () => {
        this.forget(arrival);
      },
    };
    while (this.arriving.size >= this.limits.bodies) this.dropOldest();
    this.arriving.set(arrival, { bytes: 0, giveWay });
    return arrival;
  }

  private dropOldest(): void {
    for (const [arrival, { giveWay }] of this.arriving) {
      this.forget(arrival);
      giveWay();
      return;
    }
  }

  private forget(arrival: Arrival): void {
    this.bytes -= this.arriving.get(arrival)?.bytes ?? 0;
    this.arriving.delete(arrival);
  }
}
