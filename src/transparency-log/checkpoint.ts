import { fromBase64 } from './base64.js';
import { fromDecimal } from './decimal.js';
import { HASH_BYTES } from './merkle-tree.js';

/** What a log says of itself at a moment: how many leaves it has, and the root of their tree (C2SP tlog-checkpoint). */
export interface Checkpoint {
  /** The name of the log, which nobody else's log has. */
  readonly origin: string;
  readonly size: number;
  /** 32 bytes. */
  readonly root: Buffer;
  /** Lines behind these, each without its newline. */
  readonly extensions: readonly string[];
}

/** The text of a checkpoint, which is signed, or is a leaf of another log. */
export function formatCheckpoint({ origin, size, root, extensions }: Checkpoint): string {
  return [origin, String(size), root.toString('base64'), ...extensions, ''].join('\n');
}

/** Reads the text of a checkpoint. Null if it is none. */
export function parseCheckpoint(text: string): Checkpoint | null {
  if (!text.endsWith('\n')) return null;
  const [origin = '', size = '', root = '', ...extensions] = text.slice(0, -1).split('\n');
  const leaves = fromDecimal(size);
  const hash = fromBase64(root);
  if (origin === '' || leaves === null || hash?.length !== HASH_BYTES) return null;
  if (extensions.includes('')) return null;
  return { origin, size: leaves, root: hash, extensions };
}
