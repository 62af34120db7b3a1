import { fromBase64 } from './base64.js';
import { isKeyName, SIGNATURE_TYPES, verifies, type NoteKey, type NoteSigner } from './note-key.js';

/** The most bytes that a note may have, and the most signatures. */
export const MOST_NOTE_BYTES = 1_000_000;
export const MOST_SIGNATURES = 100;
/** Control characters of ASCII other than newline, and halves of characters. */
// oxlint-disable-next-line no-control-regex
const NOT_IN_NOTES = /[\u0000-\u0009\u000b-\u001f\p{Cs}]/u;

/** One line below a note, which nobody has verified. */
export interface NoteSignature {
  readonly name: string;
  /** Four bytes, which say by which of the keys of that name. */
  readonly keyId: Buffer;
  readonly signature: Buffer;
}

/** A note whose form is right, and whose signatures nobody has verified. */
export interface UnverifiedNote {
  /** What is signed, with the newline at its end. */
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

/** What came of verifying a note: by which of the keys it is signed, or why it does not count. */
export type OpenedNote =
  | { readonly isValid: true; readonly text: string; readonly by: readonly NoteKey[] }
  | { readonly isValid: false; readonly reason: string };

/** The line that a signature is in a note (C2SP signed-note). */
export function formatSignature({ name, keyId, signature }: NoteSignature): string {
  return `— ${name} ${Buffer.concat([keyId, signature]).toString('base64')}\n`;
}

/** Reads a line of {@link formatSignature}, without its newline. Null if it is none. */
export function parseSignature(line: string): NoteSignature | null {
  const [dash, name, encoded, ...more] = line.split(' ');
  if (dash !== '—' || name === undefined || encoded === undefined || more.length > 0) return null;
  const bytes = fromBase64(encoded);
  if (!isKeyName(name) || bytes === null || bytes.length < 5) return null;
  return { name, keyId: bytes.subarray(0, 4), signature: bytes.subarray(4) };
}

/**
 * Signs a text (C2SP signed-note).
 *
 * @param text ends with a newline
 * @throws RangeError if it cannot be the text of a note
 */
export function signNote(text: string, signers: readonly NoteSigner[]): string {
  if (!isNoteText(text)) throw new RangeError('not the text of a note');
  const lines = signers.map((signer) =>
    formatSignature({
      name: signer.key.name,
      keyId: signer.key.id,
      signature: signer.sign(text),
    }),
  );
  return `${text}\n${lines.join('')}`;
}

/** Reads a note, and verifies nothing. Null if it is none. */
export function parseNote(note: string): UnverifiedNote | null {
  if (Buffer.byteLength(note) > MOST_NOTE_BYTES || !note.endsWith('\n')) return null;
  const split = note.lastIndexOf('\n\n');
  if (split < 0) return null;
  const text = note.slice(0, split + 1);
  const lines = note.slice(split + 2, -1).split('\n');
  if (!isNoteText(text) || !isNoteText(note) || lines.length > MOST_SIGNATURES) return null;
  const signatures: NoteSignature[] = [];
  for (const line of lines) {
    const signature = parseSignature(line);
    if (signature === null) return null;
    signatures.push(signature);
  }
  return { text, signatures };
}

/**
 * Verifies a note with keys of type 0x01. Signatures by others are ignored; one by any of these that is wrong makes the
 * whole note wrong (C2SP signed-note, "Signatures").
 *
 * @param keys those that are trusted
 */
export function openNote(note: string, keys: readonly NoteKey[]): OpenedNote {
  const parsed = parseNote(note);
  if (parsed === null) return { isValid: false, reason: 'it is not a signed note' };
  const by: NoteKey[] = [];
  for (const { name, keyId, signature } of parsed.signatures) {
    const key = keys.find(
      (each) =>
        each.type === SIGNATURE_TYPES.ed25519 && each.name === name && each.id.equals(keyId),
    );
    if (key === undefined) continue;
    if (!verifies(key, parsed.text, signature)) {
      return { isValid: false, reason: `its signature by ${name} is wrong` };
    }
    if (!by.includes(key)) by.push(key);
  }
  if (by.length === 0) return { isValid: false, reason: 'none of the keys has signed it' };
  return { isValid: true, text: parsed.text, by };
}

/** Whether this may stand in a note: whole characters, none of control but newlines, of which one is at the end. */
function isNoteText(text: string): boolean {
  return text.endsWith('\n') && !NOT_IN_NOTES.test(text);
}
