import type { Chain, KeptEvent, KeptRun, KeptEnd, ChainItem } from './chain-item.js';
import type { FaultKind, FaultSink } from './fault.js';
import { look, faultOf, type Looked } from './verify-event.js';

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

function keyOf({ zone, writer }: Chain): string {
  return `${zone} ${writer}`;
}
