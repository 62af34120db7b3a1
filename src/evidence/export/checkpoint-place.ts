import { parseCheckpoint } from '../../transparency-log/checkpoint.js';
import { parseNote } from '../../transparency-log/signed-note.js';

/** A checkpoint of the installation that is signed. */
export interface SignedNow {
  readonly origin: string;
  readonly size: number;
  readonly root: Buffer;
  readonly note: string;
}

/** What a place has of a log. */
export interface HeldCheckpoint {
  readonly size: number;
  /** Null where the place does not tell. */
  readonly root: Buffer | null;
}

/** Proves that the log has grown from a size to that of the checkpoint that is put (RFC 9162 section 2.1.4). */
export type ProveGrowth = (from: number) => Promise<readonly Buffer[]>;

/**
 * A place that the database knows nothing of, and that keeps checkpoints. Nothing is ever replaced there. Each call ends by
 * itself, and is made while no transaction is open.
 */
export interface CheckpointPlace {
  readonly name: 'directory' | 's3' | 'witness';
  /**
   * The newest checkpoint that is there. Null if there is none, or if that cannot be told.
   *
   * @param origin the name of our log
   * @param ours the newest that is signed; null before the first one
   * @param prove for a place that takes no other word for how the log has grown
   * @throws {PlaceUnusable} or what the system throws
   * @throws {Forked} if it does not fit, as the place says
   */
  newest(
    origin: string,
    ours: SignedNow | null,
    prove: ProveGrowth,
  ): Promise<HeldCheckpoint | null>;
  /**
   * Takes a checkpoint there. It may be there already.
   *
   * @returns what the place has signed of it, line by line
   * @throws {Forked} if the place has another one that does not fit
   */
  put(ours: SignedNow, prove: ProveGrowth): Promise<readonly PutCosignature[]>;
}

/** A signature by a place below a checkpoint. */
export interface PutCosignature {
  /** Name and key id. */
  readonly signer: string;
  /** As it stands in a note, with its newline. */
  readonly line: string;
}

/** A place cannot be used as it is. The message is for operators, and has no secret. */
export class PlaceUnusable extends Error {
  override readonly name = 'PlaceUnusable';
}

/** What a place has does not fit the log. The message says why, and has no secret. */
export class Forked extends Error {
  override readonly name = 'Forked';
}

/**
 * Reads what a place has kept.
 *
 * @param origin that of our log
 * @throws {PlaceUnusable} if it is no checkpoint of this log
 */
export function readHeld(text: string, origin: string): HeldCheckpoint {
  const note = parseNote(text);
  const checkpoint = note === null ? null : parseCheckpoint(note.text);
  if (checkpoint === null) throw new PlaceUnusable('its newest file is no checkpoint');
  if (checkpoint.origin !== origin) {
    throw new PlaceUnusable(`it has checkpoints of another log: ${checkpoint.origin}`);
  }
  return { size: checkpoint.size, root: checkpoint.root };
}

/**
 * Whether what a place has is the checkpoint that is to be taken there: of the same size and root, whichever key has signed it.
 *
 * @throws {PlaceUnusable} if it is no checkpoint of this log
 */
export function isSameCheckpoint(text: string, { origin, size, root }: SignedNow): boolean {
  const held = readHeld(text, origin);
  return held.size === size && held.root?.equals(root) === true;
}
