import { rename, writeFile } from 'node:fs/promises';

/**
 * Writes a file that only its owner may read (mode 0600), atomically and durably.
 *
 * @param path in a directory that exists
 */
export async function writePrivate(path: string, content: string): Promise<void> {
  const temporary = `${path}.${process.pid}.new`;
  await writeFile(temporary, content, { mode: 0o600, flush: true });
  await rename(temporary, path);
}
