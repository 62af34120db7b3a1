import {
  createHash,
  createPrivateKey,
  createPublicKey,
  sign,
  verify,
  type KeyObject,
} from 'node:crypto';
import { fromBase64 } from './base64.js';

/** What kind of signature a key makes: of a note, or of a checkpoint that a witness has seen (C2SP signed-note). */
export const SIGNATURE_TYPES = { ed25519: 0x01, ed25519Cosignature: 0x04 } as const;

const PUBLIC_BYTES = 32;
const SIGNATURE_BYTES = 64;
/** What is in front of the bytes of an Ed25519 key in DER (RFC 8410). */
const SPKI = Buffer.from('302a300506032b6570032100', 'hex');
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');
/** No spaces of Unicode, no control characters, no half of a character, no plus. */
const NAME = /^[^\p{White_Space}\p{Cc}\p{Cs}+]+$/u;

/** A public key of which notes name the signatures: by its name and the id that follows from it. */
export interface NoteKey {
  readonly name: string;
  /** Four bytes. */
  readonly id: Buffer;
  readonly type: number;
  /** 32 bytes (RFC 8032). */
  readonly publicKey: Buffer;
}

/** A key that signs notes. */
export interface NoteSigner {
  readonly key: NoteKey;
  /** @returns 64 bytes (RFC 8032) */
  sign(message: string | Uint8Array): Buffer;
}

/** Whether a key may be called this (C2SP signed-note). */
export function isKeyName(name: string): boolean {
  return NAME.test(name);
}

/**
 * The key of a name and 32 bytes.
 *
 * @param type of {@link SIGNATURE_TYPES}
 * @throws RangeError if it can be none
 */
export function noteKey(name: string, publicKey: Buffer, type: number): NoteKey {
  if (!isKeyName(name)) throw new RangeError('not the name of a key');
  if (publicKey.length !== PUBLIC_BYTES) throw new RangeError('an Ed25519 key has 32 bytes');
  const id = createHash('sha256')
    .update(`${name}\n`)
    .update(Buffer.of(type))
    .update(publicKey)
    .digest()
    .subarray(0, 4);
  return { name, id, type, publicKey };
}

/** The key as text, to be handed out: `name+id+base64(type || key)` (C2SP signed-note, "Verifier keys"). */
export function formatVkey({ name, id, type, publicKey }: NoteKey): string {
  const material = Buffer.concat([Buffer.of(type), publicKey]).toString('base64');
  return `${name}+${id.toString('hex')}+${material}`;
}

/** Reads what {@link formatVkey} makes. Null if it is none, its id does not follow from it, or it is of another kind. */
export function parseVkey(text: string): NoteKey | null {
  const found = /^([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+={0,2})$/.exec(text);
  const [, name = '', id = '', encoded = ''] = found ?? [];
  const material = fromBase64(encoded);
  if (found === null || !isKeyName(name) || material?.length !== 1 + PUBLIC_BYTES) return null;
  const type = material[0] ?? 0;
  if (!Object.values<number>(SIGNATURE_TYPES).includes(type)) return null;
  const key = noteKey(name, material.subarray(1), type);
  return key.id.toString('hex') === id ? key : null;
}

/**
 * A signer of notes.
 *
 * @param seed the 32 bytes of an Ed25519 private key (RFC 8032)
 */
export function noteSigner(name: string, seed: Buffer): NoteSigner {
  const der = Buffer.concat([PKCS8, seed]);
  const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  der.fill(0);
  const publicKey = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
  return {
    key: noteKey(name, publicKey.subarray(SPKI.length), SIGNATURE_TYPES.ed25519),
    sign: (message) => sign(null, Buffer.from(message), privateKey),
  };
}

/** Whether these 64 bytes are the signature of a text, or of bytes, by a key. */
export function verifies(
  { publicKey }: NoteKey,
  message: string | Uint8Array,
  signature: Uint8Array,
): boolean {
  if (signature.length !== SIGNATURE_BYTES) return false;
  return verify(null, Buffer.from(message), keyObject(publicKey), signature);
}

function keyObject(publicKey: Buffer): KeyObject {
  return createPublicKey({ key: Buffer.concat([SPKI, publicKey]), format: 'der', type: 'spki' });
}
