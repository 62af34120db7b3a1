import { chmodSync, closeSync, fstatSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { CommandFailure } from '../failure.js';
import { EXIT } from '../command-result.js';
import type { DrawnSecret } from './apply-plan.js';

/** Where secrets go that were drawn: a file, or whoever reads the standard output. */
export interface SecretSink {
  keep(secret: DrawnSecret): Promise<void>;
  close(): void;
}

/**
 * A file for secrets, a line of JSON for each, which nobody but its owner can read (mode 0600). It is opened before
 * anything is made, so that no secret is drawn that has nowhere to go, and each is on the disk before the next step. What is
 * in it already stays.
 *
 * @throws {CommandFailure} if it cannot be written, or others may read it
 */
export function secretsFile(path: string): SecretSink {
  const file = open(path);
  return {
    keep({ zone, noun, name, id, secret }) {
      writeSync(file, `${JSON.stringify({ zone, noun, name, id, secret })}\n`);
      fsyncSync(file);
      return Promise.resolve();
    },
    close: () => closeSync(file),
  };
}

function open(path: string): number {
  const file = openFile(path);
  const { mode } = fstatSync(file);
  if (fstatSync(file).isFile() && (mode & 0o077) === 0) return file;
  closeSync(file);
  throw new CommandFailure(
    EXIT.usage,
    `--secrets-out: ${path} is no file of yours alone (mode ${(mode & 0o777).toString(8)})`,
    `chmod 600 ${path}, or name another`,
  );
}

function openFile(path: string): number {
  try {
    const made = openSync(path, 'ax', 0o600);
    // Whatever the process takes away of a mode.
    chmodSync(path, 0o600);
    return made;
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST'))
      throw unusable(path, error);
  }
  try {
    return openSync(path, 'a');
  } catch (error) {
    throw unusable(path, error);
  }
}

function unusable(path: string, cause: unknown): CommandFailure {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new CommandFailure(EXIT.usage, `--secrets-out: ${path} cannot be written: ${why}`);
}
