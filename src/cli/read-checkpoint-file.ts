import { readFile, stat } from 'node:fs/promises';
import { readKept, type KeptCheckpoint } from '../audit/verify/kept-checkpoint.js';
import type { NoteKey } from '../transparency-log/note-key.js';
import { MOST_NOTE_BYTES } from '../transparency-log/signed-note.js';
import { CommandFailure } from './failure.js';
import { EXIT } from './command-result.js';

/**
 * Reads checkpoints that were kept in a file.
 *
 * @param keys of which one has to have signed it, where it is signed; `null`: whoever has
 * @throws {CommandFailure}
 */
export async function readCheckpointFile(
  path: string,
  keys: readonly NoteKey[] | null,
): Promise<readonly KeptCheckpoint[]> {
  let text: string;
  try {
    const { size } = await stat(path);
    if (size > 2 * MOST_NOTE_BYTES) throw new Error('it is too long for a checkpoint');
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw unreadable(path, error);
  }
  const kept = readKept(path, text, keys);
  if (typeof kept === 'string') throw new CommandFailure(EXIT.usage, kept);
  return kept;
}

/** A file that cannot be read. */
export function unreadable(path: string, cause: unknown): CommandFailure {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new CommandFailure(EXIT.impossible, `${path} cannot be read: ${why}`, null, { cause });
}
