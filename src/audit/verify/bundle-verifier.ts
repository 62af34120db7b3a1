import { leafHash } from '../../transparency-log/merkle-tree.js';
import { parseCheckpoint, type Checkpoint } from '../../transparency-log/checkpoint.js';
import type { NoteKey } from '../../transparency-log/note-key.js';
import { openNote } from '../../transparency-log/signed-note.js';
import { isConsistent, isIncluded } from '../../transparency-log/verify-proof.js';
import { BUNDLE_VERSION, NoBundle, readBundleLine, type BundleLine } from './bundle-lines.js';
import { BACKWARDS_MS, ChainVerifier } from './chain-verifier.js';
import { CompactRange } from './compact-range.js';
import type { Fault, FaultKind, FaultSink } from './fault.js';
import type { KeptCheckpoint } from './kept-checkpoint.js';
import { readRecordedText, type RecordedText } from './recorded-text.js';

/** What a bundle is held against. */
export interface Trusted {
  /** Public keys of the installation that the bundle is of. */
  readonly keys: readonly NoteKey[];
  /** Checkpoints that were kept elsewhere. */
  readonly kept: readonly KeptCheckpoint[];
}

/** What was in a bundle. */
export interface BundleSummary {
  readonly zone: string;
  readonly events: number;
  readonly checkpoints: number;
  /** Until when it is sealed what there was: the moment of the last checkpoint. */
  readonly until: string | null;
}

/** The most chains that a bundle may have events of: each is remembered. */
const MOST_CHAINS = 200_000;
const ZEROES = '0'.repeat(64);

type Head = Extract<BundleLine, { kind: 'bundle' }>;

/**
 * Verifies a bundle line by line, in the order of the leaves: it remembers where each chain is, and of the tree what its root is
 * made of. What a line alone shows is a fault there; what only a checkpoint shows lies between that and the one before it.
 */
export class BundleVerifier {
  private head: Head | null = null;
  private note: Checkpoint | null = null;
  private readonly tree = new CompactRange();
  private readonly chains = new Map<string, ChainVerifier>();
  private readonly kept: KeptCheckpoint[];
  /** The latest moment that an event says since the last checkpoint, and which. */
  private latest: RecordedText | null = null;
  private last: { readonly size: number; readonly time: string } | null = null;
  private lines = 0;
  private events = 0;
  private checkpoints = 0;
  private fits = true;
  private isOver = false;
  private missing: { readonly from: number; readonly end: number } | null = null;

  /** @param tell is told of each fault when it is found */
  constructor(
    private readonly trusted: Trusted,
    private readonly tell: FaultSink,
  ) {
    this.kept = [...trusted.kept];
  }

  /** How many events there were so far. */
  get seen(): number {
    return this.events;
  }

  /** Looks at the next line, without its newline. @throws {NoBundle} for what is none */
  line(text: string): void {
    this.lines += 1;
    try {
      const line = readBundleLine(text);
      if (this.isOver) throw new NoBundle('it comes after the end');
      if (line.kind === 'bundle') this.begin(line);
      else if (this.head === null) throw new NoBundle('the first line is not that of a bundle');
      else this.next(line, this.head);
    } catch (error) {
      if (error instanceof NoBundle) throw new NoBundle(`line ${this.lines}: ${error.message}`);
      throw error;
    }
  }

  /** To be called when no line comes any more. @throws {NoBundle} if there should */
  end(): BundleSummary {
    if (this.head === null || !this.isOver)
      throw new NoBundle('it is cut off: its last line is missing');
    for (const chain of this.chains.values()) chain.end();
    if (this.note === null) this.say('checkpoint', 'there is no signed checkpoint in it');
    if (this.last === null || this.last.size < this.head.end || this.tree.size < this.head.end) {
      this.say('checkpoint', 'its last events are in no checkpoint');
    }
    for (const { from, checkpoint } of this.kept) {
      const why =
        checkpoint.origin !== this.head.origin && checkpoint.origin !== this.head.log
          ? `is of another log: ${checkpoint.origin}`
          : checkpoint.origin === this.head.origin && checkpoint.size > this.tree.size
            ? `is of ${checkpoint.size} leaves, and there are ${this.tree.size} here`
            : `is of ${checkpoint.size} leaves, and the bundle does not prove that it has grown from these`;
      this.say('checkpoint', `${from} ${why}`);
    }
    const { events, checkpoints } = this;
    return { zone: this.head.zone, events, checkpoints, until: this.last?.time ?? null };
  }

  private begin(head: Head): void {
    if (this.head !== null) throw new NoBundle('a bundle begins once');
    if (head.version !== BUNDLE_VERSION) {
      throw new NoBundle(`it has version ${head.version}, and this reads ${BUNDLE_VERSION}`);
    }
    if (head.first > head.end) throw new NoBundle('it ends before it begins');
    this.head = head;
    if (!head.origin.endsWith(`/zones/${head.zone}`)) {
      this.say('checkpoint', `the log is not that of the zone: ${head.origin}`);
    }
    this.compareKept(head);
  }

  private next(line: Exclude<BundleLine, Head>, head: Head): void {
    switch (line.kind) {
      case 'key':
        return;
      case 'note':
        return this.addNote(line.note, head);
      case 'consistency':
        return this.addConsistency(line.from, line.proof, head);
      case 'tree':
        return this.addTree(line.level, line.hash, head);
      case 'event':
        return this.addEvent(line, head);
      case 'checkpoint':
        return this.addCheckpoint(line, head);
      case 'end':
        if (line.lines !== this.lines - 1)
          throw new NoBundle('lines are missing, or there are more');
        this.flushMissing();
        this.compareKept(head);
        this.isOver = true;
    }
  }

  private addNote(note: string, head: Head): void {
    if (this.note !== null) throw new NoBundle('a bundle has one note');
    const opened = openNote(note, this.trusted.keys);
    const parsed = opened.isValid ? parseCheckpoint(opened.text) : null;
    if (!opened.isValid)
      throw new NoBundle(`the signed checkpoint does not count: ${opened.reason}`);
    if (parsed === null) throw new NoBundle('what is signed is not a checkpoint');
    // A key that is trusted is trusted with the log of its own name.
    if (!opened.by.some(({ name }) => name === parsed.origin)) {
      throw new NoBundle(
        `the signed checkpoint does not count: no key of ${parsed.origin} has signed it`,
      );
    }
    if (parsed.origin !== head.log)
      this.say('checkpoint', `what is signed is of another log: ${parsed.origin}`);
    this.note = parsed;
    this.settleKept(head.log, parsed, []);
  }

  private addConsistency(from: number, proof: readonly Buffer[], head: Head): void {
    if (this.note === null) throw new NoBundle('it comes before the note');
    this.settleKept(head.log, this.note, proof, from);
  }

  /** Compares checkpoints of the installation that were kept with the one that is signed here. */
  private settleKept(
    log: string,
    note: Checkpoint,
    proof: readonly Buffer[],
    from = note.size,
  ): void {
    for (const one of this.take(
      ({ checkpoint }) => checkpoint.origin === log && checkpoint.size === from,
    )) {
      if (isConsistent(one.checkpoint, note, proof)) continue;
      this.say(
        'checkpoint',
        `the log of the installation has not grown from what ${one.from} says it was`,
      );
    }
  }

  private addTree(level: number, hash: Buffer, { first, end }: Head): void {
    const { size } = this.tree;
    if (!this.tree.add(level, hash)) throw new NoBundle('no such part of the tree can be here');
    if (this.tree.size > first && size < end) {
      if (size < first || this.tree.size > end)
        throw new NoBundle('it is in the events and beside them');
      this.missing = { from: this.missing?.from ?? size, end: this.tree.size };
    }
    if (this.head !== null) this.compareKept(this.head);
  }

  private addEvent(
    { previousHash, hash, text }: Extract<BundleLine, { kind: 'event' }>,
    { zone, first, end }: Head,
  ): void {
    this.flushMissing();
    const { size } = this.tree;
    if (size < first || size >= end) throw new NoBundle('it is beside the events');
    this.events += 1;
    this.tree.add(0, leafHash(Buffer.from(hash, 'hex')));
    if (this.head !== null) this.compareKept(this.head);
    const said = readRecordedText(text);
    if (typeof said === 'string') {
      this.say('changed', `leaf ${size}: ${said}`);
      return;
    }
    const { writer, seq, id } = said;
    if (said.zone !== zone) {
      this.tell(faultOf({ ...said, zone }, 'added', `it was recorded in zone ${said.zone}`));
    }
    let chain = this.chains.get(writer);
    if (chain === undefined) {
      if (this.chains.size >= MOST_CHAINS)
        throw new NoBundle(`it has more than ${MOST_CHAINS} chains`);
      chain = new ChainVerifier(this.tell, { heads: false });
      this.chains.set(writer, chain);
      // What was before the bundle is not looked at; its last hash is sealed with the event that names it.
      if (seq > 1) {
        const before = { seq: 1, lastSeq: seq - 1, previousHash: ZEROES, hash: previousHash };
        chain.add({ is: 'run', zone, writer, ...before });
      }
    }
    chain.add({ is: 'event', zone, writer, seq, id, previousHash, hash, text });
    if (this.latest === null || said.occurredAt > this.latest.occurredAt) this.latest = said;
  }

  private addCheckpoint(
    { body, leaf, proof }: Extract<BundleLine, { kind: 'checkpoint' }>,
    head: Head,
  ): void {
    this.flushMissing();
    this.checkpoints += 1;
    const found = parseCheckpoint(body);
    const time = /^time (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z)$/.exec(
      found?.extensions[0] ?? '',
    )?.[1];
    if (found === null || time === undefined) throw new NoBundle('its body is not that of a zone');
    if (this.note === null) throw new NoBundle('it comes before the note');
    const { size, root } = found;
    const name = `the checkpoint of ${size} leaves (${time})`;
    if (found.origin !== head.origin)
      this.say('checkpoint', `${name} is of another log: ${found.origin}`);
    if (!isIncluded(leafHash(Buffer.from(body)), leaf, this.note.size, proof, this.note.root)) {
      this.say('checkpoint', `${name} is not in the signed one`);
    }
    if (size !== this.tree.size) {
      throw new NoBundle(`${name} comes where there are ${this.tree.size}`);
    }
    if (this.last !== null && time < this.last.time) {
      this.say('checkpoint', `${name} is older than the one before it`);
    }
    if (this.fits && !root.equals(this.tree.root())) {
      this.fits = false;
      const since = this.last === null ? `the first ${size}` : `from leaf ${this.last.size} on`;
      this.say(
        'checkpoint',
        `${name} has another root: among the leaves ${since} one is not what was sealed`,
      );
    }
    this.compareMoments(time);
    this.last = { size, time };
  }

  /** What is sealed has happened. */
  private compareMoments(time: string): void {
    if (
      this.latest !== null &&
      Date.parse(this.latest.occurredAt) > Date.parse(time) + BACKWARDS_MS
    ) {
      const { occurredAt } = this.latest;
      this.tell(
        faultOf(this.latest, 'backdated', `it says ${occurredAt}, and was sealed at ${time}`),
      );
    }
    this.latest = null;
  }

  /** Compares checkpoints of the zone that were kept with the tree, where it is as large as they say. */
  private compareKept({ origin }: Head): void {
    if (this.kept.length === 0) return;
    const { size } = this.tree;
    for (const one of this.take(
      ({ checkpoint }) => checkpoint.origin === origin && checkpoint.size === size,
    )) {
      if (one.checkpoint.root.equals(this.tree.root())) continue;
      this.say(
        'checkpoint',
        `${one.from} has another root: among the first ${size} leaves one is not what it was`,
      );
    }
  }

  private take(fits: (one: KeptCheckpoint) => boolean): KeptCheckpoint[] {
    const taken = this.kept.filter(fits);
    for (const one of taken) this.kept.splice(this.kept.indexOf(one), 1);
    return taken;
  }

  private flushMissing(): void {
    if (this.missing === null) return;
    const { from, end } = this.missing;
    this.missing = null;
    this.say('removed', `leaves ${from} to ${end - 1} are sealed, and their events are not there`);
  }

  private say(kind: FaultKind, why: string): void {
    const zone = this.head?.zone ?? null;
    this.tell({ kind, zone, writer: null, seq: null, lastSeq: null, id: null, why });
  }
}

function faultOf(
  { zone, writer, seq, id }: Pick<RecordedText, 'zone' | 'writer' | 'seq' | 'id'>,
  kind: FaultKind,
  why: string,
): Fault {
  return { kind, zone, writer, seq, lastSeq: seq, id, why };
}
