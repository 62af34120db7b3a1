import { LRUCache } from 'lru-cache';

/** What was made, and when it was read: nothing that happened before is missing in it. */
export interface Made {
  /** Milliseconds since the epoch. */
  readonly readAt: number;
}

/** Makes the next one. @param last what was made last; `null` for nothing. @returns `null` if there is no such thing */
export type Make<T> = (last: T | null) => Promise<T | null>;

/** How documents are kept. */
export interface Keeping<T> {
  /** Milliseconds after which one is made anew. */
  readonly periodMs: number;
  /** The most memory for all, in units of `sizeOf`. */
  readonly maxSize: number;
  readonly sizeOf: (made: T) => number;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Called when one could not be made. */
  readonly failed: () => void;
}

interface Kept<T> {
  readonly made: T;
  readonly make: Make<T>;
  /** Milliseconds that it took to make. */
  readonly took: number;
  /** Milliseconds since the epoch. */
  askedAt: number;
}

/** Milliseconds that one may be older than its period when it is sent, and for which whoever asks waits for the next. */
const WHILE_MADE_MS = 1_000;
/** Periods for which the last one is sent while there is no next one. */
const PERIODS_SENT = 1.9;
/** Periods for which one is made anew ahead of time after somebody has asked for it. */
const PERIODS_KEPT = 2;
/** The most that are made at once because their time has come. */
const MOST_RENEWED = 4;

/**
 * Documents that are made anew every period, each once for all who ask. One for which somebody asks is made anew before its
 * period ends, by how long it takes to make; until the next one is there the last one is sent, and nobody is turned away
 * because one is being made.
 */
export class RenewedDocuments<T extends Made> {
  private readonly kept: LRUCache<string, Kept<T>>;
  private readonly making = new Map<string, Promise<T | null>>();

  constructor(private readonly keeping: Keeping<T>) {
    this.kept = new LRUCache({
      maxSize: keeping.maxSize,
      sizeCalculation: ({ made }) => keeping.sizeOf(made),
    });
  }

  /** One that can be sent at once, if its period is over by less than a second; else `null`. */
  ready(key: string): T | null {
    const kept = this.kept.get(key);
    if (kept === undefined) return null;
    const age = this.ageOf(kept);
    if (age >= this.keeping.periodMs + WHILE_MADE_MS) return null;
    kept.askedAt = this.keeping.now();
    if (age >= this.keeping.periodMs) this.makeAhead(key, kept);
    return kept.made;
  }

  /**
   * One that is not older than its period; where it takes longer than a second to make, or fails, the last one, if that is
   * not older than two periods.
   *
   * @returns `null` if there is no such thing
   * @throws what `make` throws
   */
  async get(key: string, make: Make<T>): Promise<T | null> {
    const kept = this.kept.get(key);
    if (kept !== undefined) kept.askedAt = this.keeping.now();
    const age = kept === undefined ? Infinity : this.ageOf(kept);
    if (kept !== undefined && age < this.keeping.periodMs) return kept.made;
    const next = this.make(key, make);
    if (kept === undefined || age >= this.keeping.periodMs * PERIODS_SENT) return next;
    return firstOf(next, kept.made);
  }

  /** Makes anew what was asked for of late and is about to be too old, some at a time. */
  renewDue(): void {
    const now = this.keeping.now();
    const { periodMs } = this.keeping;
    for (const [key, kept] of this.kept.entries()) {
      if (this.making.size >= MOST_RENEWED) return;
      const ahead = Math.min(periodMs / 2, 2 * kept.took + periodMs / 10);
      if (now - kept.askedAt > PERIODS_KEPT * periodMs) continue;
      if (this.ageOf(kept) >= periodMs - ahead) this.makeAhead(key, kept);
    }
  }

  /**
   * Milliseconds since one was read. One of a later time is of before the clock was put back: how old it is nobody knows, and
   * what it says of its own end is wrong.
   */
  private ageOf({ made }: Kept<T>): number {
    const age = this.keeping.now() - made.readAt;
    return age < 0 ? Infinity : age;
  }

  private makeAhead(key: string, { make }: Kept<T>): void {
    // Who asks meanwhile gets the last one, and asks for the next one again when that is too old.
    this.make(key, make).catch(() => {});
  }

  /** Makes one, once for all who wait for it. */
  private make(key: string, make: Make<T>): Promise<T | null> {
    const underWay = this.making.get(key);
    if (underWay !== undefined) return underWay;
    const began = this.keeping.now();
    const making = make(this.kept.peek(key)?.made ?? null)
      .then(
        (made) => {
          const now = this.keeping.now();
          const askedAt = this.kept.peek(key)?.askedAt ?? now;
          if (made === null) this.kept.delete(key);
          else this.kept.set(key, { made, make, took: now - began, askedAt });
          return made;
        },
        (error: unknown) => {
          this.keeping.failed();
          throw error;
        },
      )
      .finally(() => this.making.delete(key));
    this.making.set(key, making);
    return making;
  }
}

/** What comes within a second, or else what there is. */
async function firstOf<T>(next: Promise<T | null>, last: T): Promise<T | null> {
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<T>((resolve) => {
    timer = setTimeout(() => resolve(last), WHILE_MADE_MS);
  });
  try {
    return await Promise.race([next.catch(() => last), patience]);
  } finally {
    clearTimeout(timer);
  }
}
