import { parseCheckpoint } from '../../transparency-log/checkpoint.js';
import { HASH_BYTES, leafHash } from '../../transparency-log/merkle-tree.js';
import { parseVkey, type NoteKey } from '../../transparency-log/note-key.js';
import { openNote } from '../../transparency-log/signed-note.js';
import type { FaultSink } from './fault.js';
import { compareKept, sayOf } from './compare-kept.js';
import type { KeptCheckpoint } from './kept-checkpoint.js';
import { INSTALLATION_LOG } from '../installation-log.js';
import type { SealedRows, StoredNote } from './read-sealed.js';
import { TileCheck } from './tile-check.js';
import { verifyZoneLog, type SealedCounts } from './verify-zone-log.js';

/** What the sealed is held against. */
export interface HeldAgainst {
  /** Public keys; `null`: those in the database. */
  readonly keys: readonly NoteKey[] | null;
  /** Checkpoints that were kept elsewhere. */
  readonly kept: readonly KeptCheckpoint[];
}

/**
 * Verifies what is sealed in a database: that events are the leaves that they became, that leaves make the tiles and those the
 * roots that checkpoints say, that these are leaves of the installation's log, which was signed, and that all checkpoints that
 * were kept elsewhere fit. Little of it is in memory at once.
 *
 * @param zone whose log; `null` for all. The log of the installation is looked at in any case
 * @param seen called now and then with how many events were looked at
 */
export async function verifySealed(
  rows: SealedRows,
  zone: string | null,
  { keys, kept }: HeldAgainst,
  tell: FaultSink,
  seen: (events: number) => void = () => {},
): Promise<SealedCounts> {
  const unmet = new Set(kept);
  let leaves = 0;
  let checkpoints = await verifyInstallation(rows, keys, unmet, tell);
  for (const one of await rows.zones(zone)) {
    // oxlint-disable-next-line no-await-in-loop
    const counts = await verifyZoneLog(rows, one, unmet, tell, (some) => seen(leaves + some));
    leaves += counts.leaves;
    checkpoints += counts.checkpoints;
  }
  for (const { from, checkpoint } of unmet) {
    const why = `${from} is of ${checkpoint.size} leaves of ${checkpoint.origin}, and there is no log here that has had as many`;
    sayOf(null, tell)(why);
  }
  return { leaves, checkpoints };
}

/** The log of the installation, whose leaves are the checkpoints of zones. @returns how many signed checkpoints there are */
async function verifyInstallation(
  rows: SealedRows,
  given: readonly NoteKey[] | null,
  unmet: Set<KeptCheckpoint>,
  tell: FaultSink,
): Promise<number> {
  const say = sayOf(null, tell);
  const log = await rows.log(INSTALLATION_LOG);
  const origin = log?.origin ?? '';
  const keys = given ?? (await rows.vkeys()).flatMap((text) => parseVkey(text) ?? []);
  const tiles = new TileCheck(
    (place) => rows.tile(INSTALLATION_LOG, place),
    ({ level, index }) =>
      say(
        `tile ${index} of level ${level} of the installation's log does not follow from those below`,
      ),
  );
  const tree = { origin, root: () => tiles.tree.root() };
  const notes = rows.notes();
  let [note, count] = [await notes.next(), 0];
  compareKept(unmet, { ...tree, size: 0 }, say);
  for await (const { zone, leaf, body } of rows.leaves()) {
    const at = tiles.tree.size;
    if (leaf !== at) {
      say(
        `leaf ${at} of the installation's log is missing, or there twice: checkpoints of zones were changed`,
      );
      break;
    }
    const hash = leafHash(Buffer.from(body));
    const stored = await tiles.next();
    if (stored?.equals(hash) !== true) {
      sayOf(
        zone,
        tell,
      )(`leaf ${leaf} of the installation's log is not what was sealed of the zone`);
      if (stored === null) break;
    }
    const { size } = tiles.tree;
    compareKept(unmet, { ...tree, size }, say);
    while (note.done !== true && note.value.size <= size) {
      compareNote(note.value, { ...tree, size }, keys, say);
      count += 1;
      // oxlint-disable-next-line no-await-in-loop
      note = await notes.next();
    }
  }
  const { size } = tiles.tree;
  if (note.done !== true) {
    say(`there is a signed checkpoint of ${note.value.size} leaves, and there are ${size}`);
    await notes.return(undefined);
  }
  await tiles.end();
  if (log !== null && (log.size !== size || !log.root.equals(tiles.tree.root()))) {
    say(`the installation's log is said to have ${log.size} leaves, or another root`);
  }
  return count;
}

function compareNote(
  { size, root, note }: StoredNote,
  tree: { readonly origin: string; readonly size: number; readonly root: () => Buffer },
  keys: readonly NoteKey[],
  say: (why: string) => void,
): void {
  const name = `the signed checkpoint of ${size} leaves`;
  const opened = openNote(note, keys);
  if (!opened.isValid) return say(`${name} does not count: ${opened.reason}`);
  const signed = parseCheckpoint(opened.text);
  if (signed?.origin !== tree.origin || signed.size !== size || !signed.root.equals(root)) {
    return say(`${name} is not the one that was signed`);
  }
  if (size !== tree.size || root.length !== HASH_BYTES || !root.equals(tree.root())) {
    say(`${name} has another root: a leaf before it is not what was sealed`);
  }
}
