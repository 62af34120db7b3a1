import { parseCheckpoint } from '../../transparency-log/checkpoint.js';
import { leafHash } from '../../transparency-log/merkle-tree.js';
import { compareKept, sayOf } from './compare-kept.js';
import type { FaultKind, FaultSink } from './fault.js';
import type { KeptCheckpoint } from './kept-checkpoint.js';
import { cutRuns, endOfRun, type LeafRun } from './leaf-runs.js';
import type { SealedRows, StoredCheckpoint } from './read-sealed.js';
import { TileCheck } from './tile-check.js';

/** How many leaves are compared with what one statement reads. */
const AT_ONCE = 4_096;

/** What was compared. */
export interface SealedCounts {
  readonly leaves: number;
  readonly checkpoints: number;
}

/** Events in a row of which the same is wrong. */
interface Wrong {
  readonly kind: FaultKind;
  readonly writer: string;
  readonly seq: number;
  lastSeq: number;
  readonly why: string;
}

/**
 * Verifies the log of one zone, from its first leaf on (`verifySealed`).
 *
 * @param seen called now and then with how many leaves were looked at
 */
export async function verifyZoneLog(
  rows: SealedRows,
  zone: string,
  unmet: Set<KeptCheckpoint>,
  tell: FaultSink,
  seen: (leaves: number) => void,
): Promise<SealedCounts> {
  const check = new ZoneLogCheck(rows, zone, unmet, tell);
  return check.run(seen);
}

class ZoneLogCheck {
  private readonly say: (why: string) => void;
  private readonly tiles: TileCheck;
  private readonly checkpoints: AsyncGenerator<StoredCheckpoint>;
  private origin = '';
  private checkpoint: IteratorResult<StoredCheckpoint> | null = null;
  private counted = 0;
  private lastSize = 0;
  private wrong: Wrong | null = null;
  /** Which events of each chain are gone with a day, as far as it was asked last: it is asked once, and not of each. */
  private readonly dropped = new Map<string, { readonly from: number; readonly to: number }>();

  constructor(
    private readonly rows: SealedRows,
    private readonly zone: string,
    private readonly unmet: Set<KeptCheckpoint>,
    private readonly tell: FaultSink,
  ) {
    this.say = sayOf(zone, tell);
    this.tiles = new TileCheck(
      (place) => rows.tile(zone, place),
      ({ level, index }) =>
        this.say(`tile ${index} of level ${level} does not follow from those below it`),
    );
    this.checkpoints = rows.ofZone(zone);
  }

  async run(seen: (leaves: number) => void): Promise<SealedCounts> {
    const log = await this.rows.log(this.zone);
    this.origin = log?.origin ?? '';
    this.checkpoint = await this.checkpoints.next();
    await this.compare();
    await this.takeRuns(seen);
    this.flush();
    const { size } = this.tiles.tree;
    if (this.checkpoint.done !== true) {
      this.say(
        `there is a checkpoint of ${this.checkpoint.value.size} leaves, and there are ${size}`,
      );
      await this.checkpoints.return(undefined);
    }
    await this.tiles.end();
    if (log === null || log.size !== size || !log.root.equals(this.tiles.tree.root())) {
      this.say(`the log is said to have ${log?.size ?? 0} leaves, or has another root`);
    }
    if (this.checkpoint.done === true && (await this.rows.reached(this.zone)) !== this.lastSize) {
      this.say('what is said of the last checkpoint is not what there is');
    }
    return { leaves: size, checkpoints: this.counted };
  }

  /** Compares all events with their leaves, for as long as it is known which they are. */
  private async takeRuns(seen: (leaves: number) => void): Promise<void> {
    let runs: LeafRun[] = [];
    let end = 0;
    let follows = true;
    for await (const run of this.rows.runs(this.zone)) {
      follows = run.firstLeaf === end && run.lastSeq >= run.firstSeq;
      if (!follows) break;
      runs.push(run);
      end = endOfRun(run);
      if (end - this.tiles.tree.size < AT_ONCE) continue;
      if (!(await this.take(runs, end))) return;
      runs = [];
      seen(this.tiles.tree.size);
    }
    if (!(await this.take(runs, end)) || follows) return;
    this.say(
      `leaf ${this.tiles.tree.size} is no event, or two: what is kept of which event a leaf is was changed`,
    );
  }

  /** Compares the events of some runs with their leaves. @returns false if a leaf is not stored */
  private async take(runs: readonly LeafRun[], end: number): Promise<boolean> {
    while (this.tiles.tree.size < end) {
      const part = cutRuns(runs, this.tiles.tree.size, AT_ONCE);
      // oxlint-disable-next-line no-await-in-loop
      if (!(await this.takePart(part))) {
        this.say(`the hash of leaf ${this.tiles.tree.size} is not stored`);
        return false;
      }
    }
    return true;
  }

  private async takePart(part: readonly LeafRun[]): Promise<boolean> {
    const events = await this.rows.events(this.zone, part);
    let next = 0;
    for (const run of part) {
      for (let seq = run.firstSeq; seq <= run.lastSeq; seq += 1) {
        const leaf = this.tiles.tree.size;
        // oxlint-disable-next-line no-await-in-loop
        const stored = await this.tiles.next();
        if (stored === null) return false;
        let [there, fits] = [false, false];
        // There may be two of one number: then one of them fits.
        for (; events[next]?.leaf === leaf; next += 1) {
          there = true;
          fits ||= leafHash(events[next]?.hash ?? Buffer.alloc(0)).equals(stored);
        }
        // oxlint-disable-next-line no-await-in-loop
        if (!fits) await this.look(run, seq, there);
        // oxlint-disable-next-line no-await-in-loop
        await this.compare();
      }
    }
    return true;
  }

  private async look(run: LeafRun, seq: number, isThere: boolean): Promise<void> {
    const known = this.dropped.get(run.writer);
    if (!isThere && known !== undefined && known.from <= seq && seq <= known.to) return;
    const { droppedTo, anew } = await this.rows.mayBeGone(this.zone, run, seq);
    if (droppedTo !== null) this.dropped.set(run.writer, { from: seq, to: droppedTo });
    if (anew || (droppedTo !== null && !isThere)) return;
    const [kind, why]: [FaultKind, string] = isThere
      ? ['changed', 'its hash is not the one that was sealed']
      : ['removed', 'it is sealed, and is not there'];
    const { writer } = run;
    const before = this.wrong;
    if (before?.writer === writer && before.kind === kind && before.lastSeq + 1 === seq) {
      before.lastSeq = seq;
      return;
    }
    this.flush();
    this.wrong = { kind, writer, seq, lastSeq: seq, why };
  }

  /** Compares what there are as many leaves for. */
  private async compare(): Promise<void> {
    const { size } = this.tiles.tree;
    const tree = { origin: this.origin, size, root: () => this.tiles.tree.root() };
    compareKept(this.unmet, tree, this.say);
    while (this.checkpoint?.done === false && this.checkpoint.value.size <= size) {
      this.compareOne(this.checkpoint.value, tree.root());
      this.checkpoint = await this.checkpoints.next();
    }
  }

  private compareOne({ size, root, body }: StoredCheckpoint, ours: Buffer): void {
    this.counted += 1;
    this.lastSize = size;
    const name = `the checkpoint of ${size} leaves`;
    const said = parseCheckpoint(body);
    if (said?.origin !== this.origin || said.size !== size || !said.root.equals(root)) {
      return this.say(`${name} is not what its text says`);
    }
    if (!root.equals(ours)) {
      this.say(`${name} has another root: a leaf before it is not what was sealed`);
    }
  }

  private flush(): void {
    if (this.wrong === null) return;
    this.tell({ ...this.wrong, zone: this.zone, id: null });
    this.wrong = null;
  }
}
