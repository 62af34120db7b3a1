import { BUNDLE_VERSION, bundleLine } from '../../audit/verify/bundle-lines.js';
import { cutRuns, endOfRun } from '../../audit/verify/leaf-runs.js';
import { subtreesOf } from '../../transparency-log/subtrees.js';
import { tileOf, tilesOfConsistency, tilesOfInclusion } from '../../transparency-log/tiles.js';
import type { BundleRows, CheckpointRow } from './bundle-rows.js';

/** What a bundle is asked to have. */
export interface BundleScope {
  /** The moments between which events happened, RFC 3339; absent: all. */
  readonly from?: string;
  readonly to?: string;
  /** Sizes that checkpoints have which are kept elsewhere: of the log of the zone, and of that of the installation. */
  readonly zoneSizes: readonly number[];
  readonly sizes: readonly number[];
}

/** How many rows are read at once. */
const RUNS = 200;
const EVENTS = 200;
const EVENT_BYTES = 1024 * 1024;
const CHECKPOINTS = 50;

/** The parts of a bundle that are known before its events are read. */
interface Plan {
  readonly rows: BundleRows;
  readonly first: number;
  readonly end: number;
  readonly note: { readonly size: number; readonly note: string };
  /** Leaves in front of which a subtree ends, the first first: those that somebody may want to know the root up to. */
  readonly stops: readonly number[];
}

/**
 * Writes a bundle: events of a zone that happened in some time, with all that proves what they were, line by line
 * (docs/evidence.md). It covers whole checkpoints, and ends with one. Little of it is in memory at once.
 *
 * @returns null if nothing of the zone is in a signed checkpoint yet
 * @throws TileMissing if what is stored is no tree
 */
export async function writeBundle(
  rows: BundleRows,
  scope: BundleScope,
): Promise<AsyncGenerator<string> | null> {
  const { from, to } = scope;
  const origins = await rows.origins();
  const before = from === undefined ? null : await rows.checkpointBefore(from);
  const until =
    (to === undefined ? null : await rows.checkpointAfter(to)) ?? (await rows.lastCheckpoint());
  // After the checkpoint, so that it is in it.
  const note = await rows.note();
  if (origins === null || until === null || note === null || note.size <= until.leaf) return null;
  const [first, end] = [Math.min(before?.size ?? 0, until.size), until.size];
  const size = await rows.size();
  const kept = scope.zoneSizes.filter((one) => one <= size);
  const stops = [...new Set([first, end, ...kept])].toSorted((a, b) => a - b);
  const plan = { rows, first, end, note, stops };
  return lines(plan, { ...origins, sizes: scope.sizes });
}

async function* lines(
  plan: Plan,
  { sizes, ...origins }: { origin: string; log: string; sizes: readonly number[] },
): AsyncGenerator<string> {
  const { rows, first, end, note, stops } = plan;
  let count = 0;
  for await (const line of body()) {
    yield line;
    count += 1;
  }
  yield bundleLine({ kind: 'end', lines: count });

  async function* body(): AsyncGenerator<string> {
    yield bundleLine({
      kind: 'bundle',
      version: BUNDLE_VERSION,
      zone: rows.zone,
      ...origins,
      first,
      end,
    });
    for (const vkey of await rows.keys()) yield bundleLine({ kind: 'key', vkey });
    yield bundleLine({ kind: 'note', note: note.note });
    for (const from of new Set(sizes.filter((one) => one < note.size))) {
      const tiles = await rows.tiles('installation', tilesOfConsistency(from, note.size));
      yield bundleLine({ kind: 'consistency', from, proof: tiles.consistency(from, note.size) });
    }
    yield* tree(plan, 0, first);
    yield* events(plan);
    yield* tree(plan, end, stops.at(-1) ?? end);
  }
}

/** The hashes of what is beside the events, or of events that are not there. */
async function* tree({ rows, stops }: Plan, start: number, end: number): AsyncGenerator<string> {
  const ends = [...stops.filter((stop) => stop > start && stop < end), end];
  let at = start;
  for (const stop of ends) {
    const subtrees = subtreesOf({ start: at, end: stop });
    const tiles = await rows.tiles('zone', subtrees.map(tileOf));
    for (const subtree of subtrees) {
      yield bundleLine({ kind: 'tree', level: subtree.level, hash: tiles.subtree(subtree) });
    }
    at = stop;
  }
}

/** The events, and each checkpoint where the tree is as large as it says. */
async function* events(plan: Plan): AsyncGenerator<string> {
  const { rows, first, end } = plan;
  const checkpoints = checkpointsOf(plan);
  let next = await checkpoints.next();
  let at = first;
  /** Goes on to a leaf, of what has no event. */
  async function* advance(to: number): AsyncGenerator<string> {
    for (;;) {
      if (next.done !== true && next.value.size === at) {
        yield await checkpointLine(plan, next.value);
        next = await checkpoints.next();
      }
      if (at >= to) return;
      const stop = next.done === true ? to : Math.min(to, next.value.size);
      yield* tree(plan, at, stop);
      at = stop;
    }
  }
  yield* advance(first);
  while (at < end) {
    const runs = await rows.runs(at, RUNS);
    const [begin, last] = [runs[0], runs.at(-1)];
    if (begin === undefined || last === undefined || at >= endOfRun(begin)) break;
    const stop = Math.min(end, endOfRun(last));
    // Runs that are no rows of ours: what is left has no events.
    if (stop <= at) break;
    while (at < stop) {
      const some = cutRuns(runs, at, Math.min(EVENTS, stop - at));
      const behind = some.at(-1);
      if (behind === undefined) break;
      const found = await rows.events(some, EVENT_BYTES);
      for (const { leaf, previousHash, hash, text } of found) {
        // Of two of one number, there is one in the bundle.
        if (leaf < at) continue;
        if (leaf > at) yield* advance(leaf);
        yield bundleLine({ kind: 'event', previousHash, hash, text });
        at += 1;
        if (next.done !== true && next.value.size === at) yield* advance(at);
      }
      // Of what there is nothing of, all was read.
      if (found.length === 0) yield* advance(Math.min(stop, endOfRun(behind)));
    }
    yield* advance(stop);
  }
  yield* advance(end);
}

async function* checkpointsOf({ rows, first, end }: Plan): AsyncGenerator<CheckpointRow> {
  let from = first;
  for (;;) {
    const some = await rows.checkpoints(from, end, CHECKPOINTS);
    yield* some;
    const last = some.at(-1);
    if (last === undefined || some.length < CHECKPOINTS) return;
    from = last.size + 1;
  }
}

async function checkpointLine({ rows, note }: Plan, row: CheckpointRow): Promise<string> {
  const { leaf, body } = row;
  const tiles = await rows.tiles('installation', tilesOfInclusion(leaf, note.size));
  return bundleLine({ kind: 'checkpoint', body, leaf, proof: tiles.inclusion(leaf, note.size) });
}
