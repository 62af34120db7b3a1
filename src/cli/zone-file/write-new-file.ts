import { writeFileSync } from 'node:fs';
import { CommandFailure } from '../failure.js';
import { EXIT } from '../outcome.js';

/** Writes a file that there is not yet. @throws {CommandFailure} if there is one: it may have comments that are nowhere else */
export function writeNewFile(path: string, text: string): void {
  try {
    writeFileSync(path, text, { flag: 'wx' });
  } catch (error) {
    const exists = error instanceof Error && 'code' in error && error.code === 'EEXIST';
    const why = error instanceof Error ? error.message : String(error);
    throw new CommandFailure(
      EXIT.usage,
      exists ? `${path} is there already` : `${path} cannot be written: ${why}`,
      exists ? 'name another file, or remove it' : null,
    );
  }
}
