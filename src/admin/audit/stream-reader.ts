import type { AuditedEvent } from '../../audit/audited-event.js';
import { timeOf } from '../../audit/id-range.js';
import { chainKey, MOST_CHAINS, SETTLED_MS, type StreamPosition } from './stream-position.js';

/** The end of a hash chain, as the database has it. */
export interface ChainEnd {
  readonly zoneId: string;
  readonly writer: string;
  readonly seq: number;
}

/** A part of a chain to be read: events with numbers above the one, up to the other. */
export interface ChainPart extends ChainEnd {
  readonly after: number;
}

/** An event as it is read for a stream. */
export interface StreamedEvent extends AuditedEvent {
  /** When it was recorded, in milliseconds since the epoch. */
  readonly at: number;
  /** Whether it is what the reader asks for. */
  readonly fits: boolean;
}

/** What a stream reads. */
export interface StreamReads {
  /** The ends of chains that have events whose ids are of a moment or later, in milliseconds since the epoch. */
  ends(since: number): Promise<readonly ChainEnd[]>;
  /**
   * The number of the last event of a chain whose id is from before a moment; 0 if there was none, and where all of them
   * were dropped, that of the last one that was.
   */
  lastBefore(chain: ChainEnd, since: number): Promise<number>;
  /**
   * The next events of some chains, in order within each, without gaps.
   *
   * @param since what is older was sent; in milliseconds since the epoch
   */
  next(parts: readonly ChainPart[], since: number): Promise<readonly StreamedEvent[]>;
}

/** Milliseconds by which ids in a chain may be out of their order. */
const ASTRAY_MS = 120_000;

/** Thrown where events are missing that were not sent, since their day was dropped. */
export class GapInChain extends Error {
  override readonly name = 'GapInChain';
}

/** Thrown where more chains have had something lately than a position can name. */
export class TooManyChains extends Error {
  override readonly name = 'TooManyChains';
}

/** Reads each event of some chains exactly once, in the order of each chain, from a position on. */
export class StreamReader {
  private since: number;
  /** How far each chain was sent, also of those that a position need not name any more. */
  private readonly sent = new Map<string, number>();
  /** When the last event of each chain was recorded that a position has to name, by its id. */
  private readonly named = new Map<string, number>();

  private constructor(
    private readonly reads: StreamReads,
    since: number,
  ) {
    this.since = since;
  }

  /** Begins with what is recorded from now on. @param now milliseconds since the epoch */
  static async fromNow(reads: StreamReads, now: number): Promise<StreamReader> {
    const reader = new StreamReader(reads, now - SETTLED_MS);
    for (const { zoneId, writer, seq } of await reads.ends(reader.since - ASTRAY_MS)) {
      const key = chainKey(zoneId, writer);
      reader.sent.set(key, seq);
      reader.named.set(key, now);
    }
    reader.checkSize();
    return reader;
  }

  /** Goes on from a position. @param now milliseconds since the epoch: what was sent before was recorded before */
  static from(reads: StreamReads, position: StreamPosition, now: number): StreamReader {
    const { since, chains } = position;
    const reader = new StreamReader(reads, since);
    for (const [key, seq] of chains) {
      reader.sent.set(key, seq);
      reader.named.set(key, now);
    }
    return reader;
  }

  /** The position behind the last event that {@link take} was called with. */
  get position(): StreamPosition {
    const chains = [...this.named.keys()].map((key) => [key, this.sent.get(key) ?? 0] as const);
    return { since: this.since, chains: new Map(chains) };
  }

  /**
   * The next events, of all chains, in the order in which they were recorded, as far as that is the order of each chain.
   *
   * @throws {GapInChain} @throws {TooManyChains}
   */
  async next(): Promise<readonly StreamedEvent[]> {
    const since = this.since - ASTRAY_MS;
    const ends = await this.reads.ends(since);
    // Each of them would be looked for by itself, and then have to be named.
    const unknown = ends.filter((end) => !this.sent.has(chainKey(end.zoneId, end.writer)));
    if (unknown.length > MOST_CHAINS) throw new TooManyChains();
    const parts: ChainPart[] = [];
    for (const end of ends) {
      const after = await this.sentOf(end);
      if (end.seq > after) parts.push({ ...end, after });
    }
    if (parts.length === 0) return [];
    const events = await this.reads.next(parts, since);
    checkGaps(parts, events);
    return inOrder(events);
  }

  /** Notes that an event was sent, or that it need not be. @throws {TooManyChains} */
  take({ zoneId, writer, seq, id }: StreamedEvent): void {
    const key = chainKey(zoneId, writer);
    this.sent.set(key, seq);
    this.named.set(key, Math.max(this.named.get(key) ?? 0, timeOf(id)));
    this.checkSize();
  }

  /**
   * Forgets chains that had nothing lately, so that positions stay small. To be called when there was nothing more to be
   * read.
   *
   * @param now milliseconds since the epoch
   */
  settle(now: number): void {
    const since = now - SETTLED_MS;
    if (since <= this.since) return;
    this.since = since;
    for (const [key, last] of this.named) {
      if (last < since - ASTRAY_MS) this.named.delete(key);
    }
  }

  private async sentOf(end: ChainEnd): Promise<number> {
    const key = chainKey(end.zoneId, end.writer);
    const known = this.sent.get(key);
    if (known !== undefined) return known;
    const found = await this.reads.lastBefore(end, this.since);
    this.sent.set(key, found);
    return found;
  }

  private checkSize(): void {
    if (this.named.size > MOST_CHAINS) throw new TooManyChains();
  }
}

/** Chains have no gaps: what is missing was dropped before it was read. */
function checkGaps(parts: readonly ChainPart[], events: readonly StreamedEvent[]): void {
  const next = new Map(
    parts.map(({ zoneId, writer, after }) => [chainKey(zoneId, writer), after + 1]),
  );
  for (const { zoneId, writer, seq } of events) {
    const key = chainKey(zoneId, writer);
    if (next.get(key) !== seq) throw new GapInChain();
    next.set(key, seq + 1);
  }
  // Each is read at least one event of, unless it has lost them.
  const isEmpty = ({ zoneId, writer, after }: ChainPart): boolean =>
    next.get(chainKey(zoneId, writer)) === after + 1;
  if (parts.some(isEmpty)) throw new GapInChain();
}

/** Events by time, but never one of a chain before the one that comes before it there, whatever the clock did. */
function inOrder(events: readonly StreamedEvent[]): readonly StreamedEvent[] {
  const latest = new Map<string, number>();
  return events
    .map((event) => {
      const key = chainKey(event.zoneId, event.writer);
      const at = Math.max(latest.get(key) ?? 0, event.at);
      latest.set(key, at);
      return { event, key, at };
    })
    .toSorted(
      (a, b) =>
        a.at - b.at || (a.key < b.key ? -1 : Number(a.key > b.key)) || a.event.seq - b.event.seq,
    )
    .map(({ event }) => event);
}
