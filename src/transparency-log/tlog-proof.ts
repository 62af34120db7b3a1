import { fromBase64 } from './base64.js';
import { fromDecimal } from './decimal.js';
import { HASH_BYTES } from './merkle-tree.js';

const HEADER = 'c2sp.org/tlog-proof@v1';
/** A tree is never higher, whatever its size. */
const MOST_HASHES = 63;

/** A proof that a leaf is in a log, with the checkpoint that it ends at, to be kept beside what it is about (C2SP tlog-proof). */
export interface TlogProof {
  /** What nobody has signed, if anything. */
  readonly extra?: Buffer;
  readonly index: number;
  /** From the hash beside the leaf to the one below the root. */
  readonly hashes: readonly Buffer[];
  /** The signed note. */
  readonly checkpoint: string;
}

/** The text of a proof. */
export function formatTlogProof({ extra, index, hashes, checkpoint }: TlogProof): string {
  return [
    HEADER,
    ...(extra === undefined ? [] : [`extra ${extra.toString('base64')}`]),
    `index ${index}`,
    ...hashes.map((hash) => hash.toString('base64')),
    '',
    checkpoint,
  ].join('\n');
}

/** Reads the text of a proof, and verifies nothing. Null if it is none. */
export function parseTlogProof(text: string): TlogProof | null {
  const split = text.indexOf('\n\n');
  if (split < 0) return null;
  const [header, ...lines] = text.slice(0, split).split('\n');
  if (header !== HEADER) return null;
  const extra = lines[0]?.startsWith('extra ') === true ? fromBase64(lines[0].slice(6)) : undefined;
  if (extra === null) return null;
  const [first = '', ...rest] = extra === undefined ? lines : lines.slice(1);
  const index = first.startsWith('index ') ? fromDecimal(first.slice(6)) : null;
  if (index === null || rest.length > MOST_HASHES) return null;
  const hashes: Buffer[] = [];
  for (const line of rest) {
    const hash = fromBase64(line);
    if (hash?.length !== HASH_BYTES) return null;
    hashes.push(hash);
  }
  const checkpoint = text.slice(split + 2);
  return { ...(extra === undefined ? {} : { extra }), index, hashes, checkpoint };
}
