import { writeFileSync } from 'node:fs';
import { CommandFailure } from '../failure.js';
import { EXIT } from '../outcome.js';

/** Writes a file that there is not yet. @throws {CommandFailure} if there is one: it may have comments that are nowhere else */
export function writeNewFile(path: string, content: string | Buffer): void {
  try {
    writeFileSync(path, content, { flag: 'wx' });
  } catch (error) {
    const exists = error instanceof Error && 'code' in error && error.code === 'EEXIST';
    const why = error instanceof Error ? error.message : String(error);
    if (exists) throw isThere(path);
    throw new CommandFailure(EXIT.usage, `${path} cannot be written: ${why}`);
  }
}

/** What is said of a file that is there. */
export function isThere(path: string): CommandFailure {
  return new CommandFailure(
    EXIT.usage,
    `${path} is there already`,
    'name another file, or remove it',
  );
}
