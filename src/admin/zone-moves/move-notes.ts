import { createHash } from 'node:crypto';
import { parseVkey, type NoteSigner } from '../../transparency-log/note-key.js';
import { openNote, signNote } from '../../transparency-log/signed-note.js';

/** What an installation says of a zone that moves, signed by the key that signs its checkpoints. */
export type MoveStatement = 'sending' | 'sent' | 'received' | 'released';

/** Which move it is said of. */
export interface MoveOf {
  readonly zoneId: string;
  /** The id of the move. */
  readonly move: string;
  /** SHA-256 of what is sent, in base64; of its manifest for `sending`. */
  readonly digest: string;
}

/** What is signed of the manifest of a file, before the rest of it is read. */
export function ofManifest({ zoneId, move }: Omit<MoveOf, 'digest'>, line: string): MoveOf {
  return { zoneId, move, digest: createHash('sha256').update(line).digest('base64') };
}

/** Signs a statement (C2SP signed-note). No checkpoint begins with such a line, and none is one of these. */
export function signMove(statement: MoveStatement, of: MoveOf, signer: NoteSigner): string {
  return signNote(textOf(statement, of), [signer]);
}

/**
 * Verifies a statement.
 *
 * @param vkeys the keys of which one has to have signed it
 * @returns why it does not count; `null` if it does
 */
export function faultOfMove(
  note: string,
  statement: MoveStatement,
  of: MoveOf,
  vkeys: readonly string[],
): string | null {
  const keys = vkeys.flatMap((vkey) => parseVkey(vkey) ?? []);
  const opened = openNote(note, keys);
  if (!opened.isValid) return opened.reason;
  if (opened.text === textOf(statement, of)) return null;
  return 'it is signed, and says something else, or it of another move';
}

function textOf(statement: MoveStatement, { zoneId, move, digest }: MoveOf): string {
  return `mandate zone ${statement}\n${zoneId}\n${move}\n${digest}\n`;
}
