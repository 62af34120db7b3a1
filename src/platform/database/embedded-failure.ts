import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/** The embedded server cannot be used, and the process is not to be started. The message is for operators. */
export class EmbeddedUnusable extends Error {
  override readonly name: string = 'EmbeddedUnusable';

  /** @param passing whether another start may find it usable, with nothing given but time or space */
  constructor(
    message: string,
    readonly passing = false,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The data directory cannot be written to. */
export class DataDirectoryUnusable extends EmbeddedUnusable {
  override readonly name = 'DataDirectoryUnusable';
}

const NO_SPACE = /No space left on device|Disk quota exceeded/;

/**
 * What an error of a start on a data directory says to operators: words with the remedy for what the directory is
 * to blame for, and the error itself for all else.
 *
 * @param dataDir absolute
 */
export async function explainEmbedded(error: unknown, dataDir: string): Promise<unknown> {
  if (!(error instanceof Error)) return error;
  const code = Reflect.get(error, 'code');
  const why = await whyUnusable(error, typeof code === 'string' ? code : '', dataDir);
  if (why === null) return error;
  const { words, passing = false } = why;
  return new DataDirectoryUnusable(`DATA_DIR, ${dataDir}, ${words}`, passing, { cause: error });
}

async function whyUnusable(
  error: Error,
  code: string,
  dataDir: string,
): Promise<{ readonly words: string; readonly passing?: boolean } | null> {
  const elsewhere = 'set DATA_DIR to a directory of your own';
  if (code === 'ENOSPC' || code === 'EDQUOT' || NO_SPACE.test(error.message)) {
    const words = 'is on a disk that is full: make room there, or set DATA_DIR to another disk';
    return { words, passing: true };
  }
  // Of a file elsewhere, such as a program, they say something else.
  const path: unknown = Reflect.get(error, 'path');
  if (typeof path !== 'string' || !(path === dataDir || isNear(path, dataDir))) return null;
  switch (code) {
    case 'EACCES':
    case 'EPERM': {
      const owner = await ownerOf(dataDir);
      if (owner !== null && owner !== process.getuid?.()) {
        return {
          words: `belongs to another user (uid ${owner}): start as that user, or ${elsewhere}`,
        };
      }
      return { words: `cannot be written to (${code}, ${path}): ${elsewhere}` };
    }
    case 'EROFS':
      return { words: `is on a file system that can only be read: ${elsewhere}` };
    case 'ENOTDIR':
    case 'EEXIST':
      return { words: `is not a directory, or is in one that is none: ${elsewhere}` };
    case 'ENOENT':
      return { words: `cannot be made there: ${elsewhere}` };
    case 'ENAMETOOLONG':
      return { words: `is too long a path: ${elsewhere}` };
    default:
      return null;
  }
}

/** Whether a path is in a directory, or on the way to it. */
function isNear(path: string, directory: string): boolean {
  return path.startsWith(`${directory}/`) || directory.startsWith(path === '/' ? path : `${path}/`);
}

/** Who owns a directory, or the nearest one above it that is there. */
async function ownerOf(directory: string): Promise<number | null> {
  for (let at = directory; ; at = dirname(at)) {
    const info = await stat(at).catch(() => null);
    if (info !== null) return info.uid;
    if (at === dirname(at)) return null;
  }
}
