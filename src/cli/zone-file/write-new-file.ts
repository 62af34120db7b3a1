import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { CommandFailure } from '../failure.js';
import { EXIT } from '../command-result.js';

/** A file that there is not yet, and what is to be in it. */
export interface NewFile {
  readonly path: string;
  readonly content: string | Buffer;
}

/**
 * Writes files that there are not yet: all of them, or none. What is there may have comments that are nowhere else.
 *
 * @throws {CommandFailure} if one is there, or cannot be written: those before it are removed again
 */
export function writeNewFiles(files: readonly NewFile[]): void {
  const written: string[] = [];
  try {
    for (const { path, content } of files) {
      checkNew(path);
      writeNew(path, content, written);
    }
  } catch (error) {
    for (const path of written) rmSync(path, { force: true });
    throw error;
  }
}

/** @throws {CommandFailure} if a file is there */
export function checkNew(path: string): void {
  if (existsSync(path)) throw isThere(path);
}

/** @param written is given the path once the file is this one, even where it is not whole */
function writeNew(path: string, content: string | Buffer, written: string[]): void {
  try {
    writeFileSync(path, '', { flag: 'wx' });
    written.push(path);
    writeFileSync(path, content);
  } catch (error) {
    const exists = error instanceof Error && 'code' in error && error.code === 'EEXIST';
    const why = error instanceof Error ? error.message : String(error);
    if (exists) throw isThere(path);
    throw new CommandFailure(EXIT.usage, `${path} cannot be written: ${why}`);
  }
}

function isThere(path: string): CommandFailure {
  return new CommandFailure(
    EXIT.usage,
    `${path} is there already`,
    'name another file, or remove it',
  );
}
