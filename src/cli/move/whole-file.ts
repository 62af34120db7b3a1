import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { readFile, rename, rm } from 'node:fs/promises';
import { finished } from 'node:stream/promises';
import { checkNew } from '../zone-file/write-new-file.js';
import { CommandFailure } from '../failure.js';
import { EXIT } from '../command-result.js';

/** The most bytes of a receipt or a release. */
const MOST_NOTE = 20_000;

/**
 * Writes a file that there is not yet, for nobody else to read. It has its name when it is whole: one that was begun and not
 * ended is called `….part`, and is written anew.
 *
 * @param work writes bytes, and waits until there is room for more
 * @throws {CommandFailure} if it is there, or cannot be written
 */
export async function writingWhole<T>(
  path: string,
  work: (write: (bytes: Buffer) => Promise<void>) => Promise<T>,
): Promise<T> {
  checkNew(path);
  const part = `${path}.part`;
  await rm(part, { force: true });
  const stream = createWriteStream(part, { mode: 0o600, flags: 'wx', flush: true });
  const failed = new Promise<never>((_, reject) => {
    stream.once('error', (cause) =>
      reject(new CommandFailure(EXIT.usage, `${part} cannot be written: ${cause.message}`)),
    );
  });
  failed.catch(() => {});
  try {
    // What cannot be written is not begun.
    await Promise.race([once(stream, 'open'), failed]);
    const write = async (bytes: Buffer): Promise<void> => {
      if (!stream.write(bytes)) await Promise.race([once(stream, 'drain'), failed]);
    };
    const result = await Promise.race([work(write), failed]);
    stream.end();
    await Promise.race([finished(stream), failed]);
    checkNew(path);
    await rename(part, path);
    return result;
  } catch (error) {
    stream.destroy();
    await rm(part, { force: true });
    throw error;
  }
}

/** Reads a receipt or a release. @throws {CommandFailure} if it cannot be read */
export async function readNoteFile(path: string): Promise<string> {
  try {
    const text = await readFile(path, 'utf8');
    if (text.length <= MOST_NOTE) return text;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new CommandFailure(EXIT.usage, `${path} cannot be read: ${why}`);
  }
  throw new CommandFailure(EXIT.invalid, `${path} is too long`);
}
