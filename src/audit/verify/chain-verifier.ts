import { createHash } from 'node:crypto';
import type { Fault, FaultKind, FaultSink } from './fault.js';
import { COLUMN_NAMES, readRecordedText, type RecordedColumns } from './recorded-text.js';

/** Which chain of the audit log: there is one for each zone and each process that writes; UUIDs in lower case. */
export interface Chain {
  readonly zone: string;
  readonly writer: string;
}

/** An event as it is kept. Hashes are in hex, in lower case. */
export interface KeptEvent extends Chain {
  readonly is: 'event';
  readonly seq: number;
  readonly id: string;
  readonly previousHash: string;
  readonly hash: string;
  /** What was hashed; `null` for one that is longer than any that the ledger writes. */
  readonly text: string | null;
  /** What stands beside the text; absent in a bundle, which has the text alone. */
  readonly beside?: RecordedColumns & {
    /** As the text has it. */
    readonly occurredAt: string;
    /** Whether it is kept as text; else it was as `jsonb`. */
    readonly asText: boolean;
    /** Whether there is another content beside the text, which nobody hashed. */
    readonly otherContent: boolean;
  };
}

/** Events without a gap that went with their day: what is kept of them. */
export interface KeptRun extends Chain {
  readonly is: 'run';
  readonly seq: number;
  readonly lastSeq: number;
  readonly previousHash: string;
  readonly hash: string;
}

/** What is said elsewhere of the end of a chain: `head` by the head that writers go on from, `seal` by what is sealed. */
export interface KeptEnd extends Chain {
  readonly is: 'head' | 'seal';
  readonly seq: number;
  /** `null`: not said. */
  readonly hash: string | null;
  readonly lastEventId: string | null;
}

/** What there is of a chain. */
export type ChainItem = KeptEvent | KeptRun | KeptEnd;

/** What a verifier has looked at. */
export interface ChainCounts {
  readonly chains: number;
  readonly events: number;
  /** Events of days that were dropped. */
  readonly dropped: number;
}

/**
 * Milliseconds by which an event may be older than one before it in its chain. The database has one clock, and a chain one
 * writer at a time, so they come in the order of their moments; but the clock may be set, or another server take over.
 */
export const BACKWARDS_MS = 120_000;

/** How many events of one number are held against what comes next; of more, one is as wrong as the other. */
const MOST_OF_A_NUMBER = 8;

const GENESIS = '0'.repeat(64);

/** An event of which everything was looked at that can be seen in it alone. */
interface Looked {
  readonly seq: number;
  readonly id: string;
  readonly previousHash: string;
  readonly hash: string;
  readonly occurredAt: string | null;
  /** What is wrong with it. */
  readonly faults: readonly Fault[];
}

/** Where a chain has come to. */
interface Place {
  readonly seq: number;
  readonly hash: string;
  /** `null` where it is a run that was dropped, or the beginning. */
  readonly id: string | null;
  /** Whether something was wrong with it already, so that what does not fit it is no news. */
  readonly faulty: boolean;
}

const BEGINNING: Place = { seq: 0, hash: GENESIS, id: null, faulty: false };

/**
 * Verifies hash chains as they come: chain by chain, each in the order of its numbers, runs and events among each other, and
 * what is said of its end last. It remembers one event at a time, so that any log can be verified.
 *
 * What one change leads to is one fault: a text that was changed does not have the hash that is beside it, and all that follow
 * fit that hash. Who computes all hashes anew leaves nothing to see here: for that there are checkpoints.
 */
export class ChainVerifier {
  private chain: Chain | null = null;
  private place: Place = BEGINNING;
  /** The latest moment so far, of the events that are what they were. */
  private latest = '';
  private sameNumber: Looked[] = [];
  private hasEvents = false;
  private hasHead = false;
  private counted = { chains: 0, events: 0, dropped: 0 };

  /** @param heads whether there is something that says where each chain ends, as there is not in a bundle */
  constructor(
    private readonly tell: FaultSink,
    private readonly expects: { readonly heads: boolean } = { heads: true },
  ) {}

  get counts(): ChainCounts {
    return { ...this.counted };
  }

  /** Looks at what comes next. @throws {RangeError} if that should have come before */
  add(item: ChainItem): void {
    if (this.chain === null || item.zone !== this.chain.zone || item.writer !== this.chain.writer) {
      if (this.chain !== null && keyOf(item) < keyOf(this.chain)) {
        throw new RangeError('chains come in order');
      }
      this.endChain();
      this.chain = { zone: item.zone, writer: item.writer };
      this.counted.chains += 1;
    }
    if (item.is === 'event') this.addEvent(item);
    else if (item.is === 'run') this.addRun(item);
    else this.addEnd(item);
  }

  /** To be called when nothing comes any more. */
  end(): void {
    this.endChain();
    this.chain = null;
  }

  private addEvent(event: KeptEvent): void {
    this.counted.events += 1;
    this.hasEvents = true;
    if (this.sameNumber.length > 0 && this.sameNumber[0]?.seq !== event.seq) {
      this.settle(event.previousHash);
    }
    const looked = look(event);
    if (this.sameNumber.length < MOST_OF_A_NUMBER) this.sameNumber.push(looked);
    else this.say('added', looked, 'there are others of its number');
  }

  private addRun(run: KeptRun): void {
    this.settle(run.previousHash);
    this.counted.dropped += run.lastSeq - run.seq + 1;
    const several = { seq: run.seq, lastSeq: run.lastSeq, id: null };
    if (run.lastSeq < run.seq) {
      this.say('head', several, 'what is kept of a dropped day ends before it begins');
      return;
    }
    if (run.seq <= this.place.seq) {
      this.say('head', several, 'what is kept of a dropped day is also there, or kept twice');
      if (run.lastSeq <= this.place.seq) return;
    } else {
      this.link(run.seq, run.previousHash, false, () =>
        this.say('head', several, 'what is kept of a dropped day does not fit what is before it'),
      );
    }
    this.place = { seq: run.lastSeq, hash: run.hash, id: null, faulty: false };
  }

  private addEnd(end: KeptEnd): void {
    this.settle(end.hash);
    const { seq, hash, id, faulty } = this.place;
    const one = { seq: end.seq, id: null };
    const called = end.is === 'head' ? 'the head of the chain' : 'what is sealed of the chain';
    if (end.is === 'head') this.hasHead = true;
    if (end.seq > seq) {
      const gone = { seq: seq + 1, lastSeq: end.seq, id: null };
      this.say('removed', gone, `${called} is at ${end.seq}, and they are not there`);
      // It is said once, however many say that there was more.
      this.place = { seq: end.seq, hash: end.hash ?? '', id: end.lastEventId, faulty: true };
      return;
    }
    if (end.is === 'seal') return;
    if (end.seq < seq) {
      const after = { seq: end.seq + 1, lastSeq: seq, id: end.seq + 1 === seq ? id : null };
      this.say('head', after, `${called} is at ${end.seq}, before them`);
    } else if (end.hash !== null && end.hash !== hash && !faulty) {
      this.say('head', one, `${called} has another hash than the last event`);
    } else if (end.lastEventId !== null && id !== null && end.lastEventId !== id && !faulty) {
      this.say('head', one, `${called} names another event`);
    }
  }

  /** Takes of the events of one number the one that the chain goes on with. @param next the hash that is named by what comes */
  private settle(next: string | null): void {
    if (this.sameNumber.length === 0) return;
    const ranked = this.sameNumber.toSorted((a, b) => this.fits(b, next) - this.fits(a, next));
    this.sameNumber = [];
    const [event, ...others] = ranked;
    if (event === undefined) return;
    for (const other of others) {
      this.say('added', other, `event ${event.id} has its number, and fits what is around it`);
    }
    if (event.seq <= this.place.seq) {
      if (this.expects.heads) this.say('added', event, 'it was dropped with its day');
      else this.say('reordered', event, `it comes after event ${this.place.seq}, or twice`);
      return;
    }
    for (const fault of event.faults) this.tell(fault);
    const isFaulty = event.faults.length > 0;
    this.link(event.seq, event.previousHash, isFaulty, (before) => {
      if (before.seq === 0) {
        this.say('changed', event, 'it is the first of its chain, and names one before it');
      } else if (before.id === null) {
        this.say('head', event, 'it names another hash than what is kept of the day before it');
      } else {
        const { seq, id } = before;
        this.say('changed', { seq, id }, `event ${event.id}, the next one, names another hash`);
      }
    });
    if (!isFaulty) this.date(event);
    const { seq, hash, id } = event;
    this.place = { seq, hash, id, faulty: isFaulty };
  }

  private fits(event: Looked, next: string | null): number {
    return (
      (event.hash === next ? 4 : 0) +
      (event.previousHash === this.place.hash ? 2 : 0) +
      (event.faults.length === 0 ? 1 : 0)
    );
  }

  /** Whether something follows on what was before it. */
  private link(
    seq: number,
    previousHash: string,
    faulty: boolean,
    broken: (before: Place) => void,
  ): void {
    const before = this.place;
    if (seq > before.seq + 1) {
      const gone = { seq: before.seq + 1, lastSeq: seq - 1, id: null };
      this.say('removed', gone, `event ${seq} comes after ${before.seq}`);
    } else if (previousHash !== before.hash && !before.faulty && !faulty) {
      broken(before);
    }
  }

  private date(event: Looked): void {
    const at = event.occurredAt ?? '';
    if (at >= this.latest) {
      this.latest = at;
      return;
    }
    const backwards = Date.parse(this.latest) - Date.parse(at);
    if (backwards <= BACKWARDS_MS) return;
    this.say('backdated', event, `it says ${at}, and one before it says ${this.latest}`);
  }

  private endChain(): void {
    this.settle(null);
    if (this.expects.heads && this.hasEvents && !this.hasHead) {
      const { seq, id } = this.place;
      this.say('head', { seq, id }, 'the chain has no head');
    }
    this.place = BEGINNING;
    this.latest = '';
    this.hasEvents = false;
    this.hasHead = false;
  }

  private say(
    kind: FaultKind,
    event: { readonly seq: number; readonly lastSeq?: number; readonly id: string | null },
    why: string,
  ): void {
    if (this.chain !== null) this.tell(faultOf(this.chain, kind, event, why));
  }
}

/** Looks at what can be seen of an event without any other. */
function look(event: KeptEvent): Looked {
  const { seq, id, previousHash, hash, text, beside } = event;
  const faults: Fault[] = [];
  const say = (kind: FaultKind, why: string): void => {
    faults.push(faultOf(event, kind, event, why));
  };
  const looked = { seq, id, previousHash, hash, faults };
  if (text === null) {
    say('changed', 'its text is longer than that of any event');
    return { ...looked, occurredAt: null };
  }
  if (hashOf(previousHash, text) !== hash) {
    say('changed', 'its hash is not that of its text');
    return { ...looked, occurredAt: null };
  }
  const said = readRecordedText(text);
  if (typeof said === 'string') {
    say('changed', said);
    return { ...looked, occurredAt: null };
  }
  if (said.zone !== event.zone || said.writer !== event.writer) {
    say('added', `it was recorded in the chain of ${said.writer} in zone ${said.zone}`);
  } else if (said.seq !== seq) say('reordered', `it was recorded as event ${said.seq}`);
  if (said.id !== id) say('changed', `it was recorded with the id ${said.id}`);
  if (beside !== undefined) {
    if (beside.occurredAt !== said.occurredAt) {
      say('backdated', `it is kept as of ${beside.occurredAt}, and says ${said.occurredAt}`);
    }
    if (beside.otherContent) say('changed', 'there is another content beside its text');
    for (const name of columnsThatDiffer(beside, said.columns, said.plainLabel)) {
      say('changed', `its column ${name} is not what its text says`);
    }
  }
  return { ...looked, occurredAt: said.occurredAt };
}

function columnsThatDiffer(
  beside: NonNullable<KeptEvent['beside']>,
  said: RecordedColumns,
  plainLabel: string | null,
): string[] {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the keys of a constant
  const names = Object.keys(COLUMN_NAMES) as (keyof RecordedColumns)[];
  return names
    .filter((name) => beside[name] !== said[name])
    .filter((name) => name !== 'requestLabel' || beside.asText || beside[name] !== plainLabel)
    .map((name) => COLUMN_NAMES[name]);
}

/** The hash of an event: SHA-256 of the one before it and its text. @param previous in hex */
export function hashOf(previous: string, text: string): string {
  return createHash('sha256').update(previous, 'hex').update(text, 'utf8').digest('hex');
}

function faultOf(
  { zone, writer }: Chain,
  kind: FaultKind,
  {
    seq,
    lastSeq = seq,
    id,
  }: { readonly seq: number; readonly lastSeq?: number; readonly id: string | null },
  why: string,
): Fault {
  return { kind, zone, writer, seq, lastSeq, id, why };
}

function keyOf({ zone, writer }: Chain): string {
  return `${zone} ${writer}`;
}
