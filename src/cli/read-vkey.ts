import { parseVkey, type NoteKey } from '../transparency-log/note-key.js';
import { CommandFailure } from './failure.js';
import { EXIT } from './command-result.js';

/** Reads a public key of a log as it is said: `name+id+base64` (C2SP signed-note). @throws {CommandFailure} if it is none */
export function readVkey(text: string): NoteKey {
  const key = parseVkey(text);
  if (key === null) throw new CommandFailure(EXIT.usage, `this is no public key of a log: ${text}`);
  return key;
}
