import { LRUCache } from 'lru-cache';
import { NotServedHere } from '../oauth/not-served-here.js';
import type { Clock } from './config/clock.js';
import type { DocumentBody, PublicDocument } from './http/public-document.js';

/** A document at a moment. */
export interface RenderedDocument extends DocumentBody {
  /** The moment when it has to be rendered again, in milliseconds since the epoch; or `Infinity`. */
  readonly changesAt: number;
}

/** Where documents come from, and how long they are good for. */
export interface DocumentSource<S> {
  /** Reads what a document is made of. @returns `null` if there is no such document */
  read(key: string): Promise<S | null>;
  /** Makes the document. @param now milliseconds since the epoch */
  render(source: S, now: number): RenderedDocument;
  /** The `Cache-Control` of a document that was read so many seconds ago; `null` if it is too old to be served. */
  cacheControlAt(ageSeconds: number): string | null;
  /** The zone that a document is of. */
  zoneOf(key: string): string;
  /** Milliseconds after which a document is read again, even without a notification of a change. */
  readonly freshMs: number;
  /** About how many bytes of memory all of them may take. */
  readonly bytes: number;
}

interface Kept<S> {
  readonly source: S;
  rendered: RenderedDocument;
  document: PublicDocument;
  /** When the source was read, in milliseconds since the epoch. */
  readonly readAt: number;
  /** Until then it is sent without a query, in milliseconds since the epoch. */
  freshUntil: number;
  /** The change of its zone that it has seen. */
  change: number;
}

interface Loading {
  readonly found: Promise<PublicDocument | null>;
  readonly change: number;
}

/** Milliseconds between attempts to read a document while the database is away. */
const RETRY_MS = 1_000;
/** Zones of which is remembered that they have changed. Beyond that, a change is seen when the document is read again. */
const MAX_CHANGED = 100_000;
/** Bytes of a document beside its text: what it was made of, and its place in memory. */
const OVERHEAD = 2_000;

/** Public documents in memory, such as key sets. They are served while the database is away, too (RFC 5861 4). */
export class KeptDocuments<S> {
  private readonly kept: LRUCache<string, Kept<S>>;
  private readonly loading = new Map<string, Loading>();
  /** Numbers changes, so that what was read before one is not fresh after it. */
  private changes = 0;
  private changedAll = 0;
  private readonly changed = new LRUCache<string, number>({
    maxSize: MAX_CHANGED,
    sizeCalculation: () => 1,
  });

  constructor(
    private readonly source: DocumentSource<S>,
    private readonly clock: Clock,
  ) {
    this.kept = new LRUCache({
      maxSize: source.bytes,
      sizeCalculation: ({ document }) => OVERHEAD + document.body.length,
    });
  }

  /** The document if it can be sent at once, without a query. @param key any text @returns `null` if it cannot */
  ready(key: string): PublicDocument | null {
    const kept = this.kept.get(key);
    const now = this.clock.now();
    if (kept === undefined || kept.freshUntil <= now || kept.rendered.changesAt <= now) return null;
    return kept.change === this.changeOf(key) ? kept.document : null;
  }

  /**
   * The document.
   *
   * @returns `null` if there is no such document
   * @throws the driver's error if the database is away and the document is not known, or too old
   */
  async find(key: string): Promise<PublicDocument | null> {
    const ready = this.ready(key);
    if (ready !== null) return ready;
    try {
      return await this.load(key);
    } catch (error) {
      const known = this.kept.get(key);
      // What is said elsewhere now is not said here any more.
      if (known === undefined || error instanceof NotServedHere) throw error;
      return this.serveStale(key, known, error);
    }
  }

  /** Marks the documents of a zone as stale. */
  invalidate(zoneId: string): void {
    this.changes += 1;
    this.changed.set(zoneId, this.changes);
  }

  /** Marks all documents as stale. */
  invalidateAll(): void {
    this.changes += 1;
    this.changedAll = this.changes;
  }

  private changeOf(key: string): number {
    return Math.max(this.changedAll, this.changed.get(this.source.zoneOf(key)) ?? 0);
  }

  /** A known document while the database is away: for as long as `stale-if-error` says. */
  private serveStale(key: string, known: Kept<S>, error: unknown): PublicDocument {
    const now = this.clock.now();
    const cacheControl = this.source.cacheControlAt((now - known.readAt) / 1_000);
    if (cacheControl === null) throw error;
    if (known.rendered.changesAt <= now) known.rendered = this.source.render(known.source, now);
    known.document = { ...known.rendered, cacheControl };
    known.freshUntil = now + RETRY_MS;
    known.change = this.changeOf(key);
    return known.document;
  }

  private load(key: string): Promise<PublicDocument | null> {
    const change = this.changeOf(key);
    const underWay = this.loading.get(key);
    if (underWay?.change === change) return underWay.found;
    const found = this.read(key, change).finally(() => {
      if (this.loading.get(key)?.found === found) this.loading.delete(key);
    });
    this.loading.set(key, { found, change });
    return found;
  }

  private async read(key: string, change: number): Promise<PublicDocument | null> {
    const readAt = this.clock.now();
    const source = await this.source.read(key);
    if (source === null) {
      this.kept.delete(key);
      return null;
    }
    const now = this.clock.now();
    const rendered = this.source.render(source, now);
    const document = { ...rendered, cacheControl: this.source.cacheControlAt(0) ?? 'no-store' };
    const freshUntil = now + this.source.freshMs;
    this.kept.set(key, { source, rendered, document, readAt, freshUntil, change });
    return document;
  }
}
