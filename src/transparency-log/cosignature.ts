import { SIGNATURE_TYPES, verifies, type NoteKey } from './note-key.js';
import { formatSignature, parseSignature } from './signed-note.js';

/** Bytes of the time, and of the signature behind it. */
const TIME_BYTES = 8;
const BYTES = TIME_BYTES + 64;

/** A witness says that the log had grown to a checkpoint, as far as it has seen it, at some time (C2SP tlog-cosignature). */
export interface Cosignature {
  readonly by: NoteKey;
  /** Seconds since the epoch. */
  readonly time: number;
  /** As it stands below the checkpoint, with its newline. */
  readonly line: string;
}

/**
 * Reads lines of signatures, and verifies those of witnesses that are known. All others are passed over, as are those whose
 * signature is wrong.
 *
 * @param text of the checkpoint, up to and with the newline of its last line
 * @param lines as a witness answers them
 * @param keys of type 0x04
 */
export function readCosignatures(
  text: string,
  lines: string,
  keys: readonly NoteKey[],
): Cosignature[] {
  const found: Cosignature[] = [];
  for (const each of lines.split('\n')) {
    const parsed = parseSignature(each);
    if (parsed?.signature.length !== BYTES) continue;
    const { name, keyId, signature } = parsed;
    const by = keys.find(
      (key) =>
        key.type === SIGNATURE_TYPES.ed25519Cosignature &&
        key.name === name &&
        key.id.equals(keyId),
    );
    const time = signature.readBigUInt64BE();
    if (by === undefined || time > BigInt(Number.MAX_SAFE_INTEGER)) continue;
    const said = `cosignature/v1\ntime ${time}\n${text}`;
    if (!verifies(by, said, signature.subarray(TIME_BYTES))) continue;
    found.push({ by, time: Number(time), line: formatSignature(parsed) });
  }
  return found;
}
