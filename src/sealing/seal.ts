import { randomBytes } from 'node:crypto';
import { decrypt, encrypt, NotAuthentic } from './aes-gcm.js';
import {
  DATA_KEY_BYTES,
  SealBroken,
  UnknownKeyEncryptionKey,
  type KeyEncryption,
} from './key-encryption.js';

/** The purposes of sealed values, a closed set. All but `key-check` have columns in `sealed-columns.ts`. */
export const SEAL_PURPOSES = [
  'signing-key',
  'signer-handle',
  'client-secret-digest-key',
  'totp-secret',
  'enrolment-secret',
  'webhook-secret',
  'proof-system-secret',
  'ssf-authorization',
  'ssf-poll-token',
  'idempotent-answer-key',
  'checkpoint-key',
  'zone-receiving-key',
  'key-check',
] as const;

/** One of {@link SEAL_PURPOSES}. */
export type SealPurpose = (typeof SEAL_PURPOSES)[number];

/** The one place that a value is sealed for. It is authenticated with the value, so rows cannot be swapped. */
export interface SealContext {
  readonly purpose: SealPurpose;
  readonly zoneId: string;
  /** The key or row within the zone. */
  readonly id: string;
}

/** The first byte of a sealed value: the present format. */
export const FORMAT = 2;

const MAX_ID_BYTES = 255;
const MAX_WRAPPED_BYTES = 65_535;

/** The parts of a sealed value, unverified. */
interface Envelope {
  readonly keyId: string;
  readonly wrapped: Buffer;
  /** Nonce, ciphertext and tag. */
  readonly body: Buffer;
}

/**
 * Encrypts a value with AES-256-GCM under a new data key, and that key under the key-encryption key
 * (envelope encryption). Format, purpose, zone, id and the id of the key-encryption key are associated
 * data of both.
 *
 * @returns format (1 byte), length and id of the key-encryption key (1, n), length and bytes of the
 *   wrapped data key (2, n), nonce (12), ciphertext, tag (16)
 * @throws {CustodyUnavailable} if the key-encryption key is out of reach
 */
export async function seal(
  kek: KeyEncryption,
  context: SealContext,
  plaintext: Buffer,
): Promise<Buffer> {
  const keyId = Buffer.from(kek.id);
  if (keyId.length > MAX_ID_BYTES) throw new RangeError('the name of the key is too long');
  const dataKey = randomBytes(DATA_KEY_BYTES);
  try {
    const wrapped = await kek.wrap(dataKey, associatedData('data-key', context, kek.id));
    if (wrapped.length > MAX_WRAPPED_BYTES) throw new RangeError('the wrapped key is too long');
    const lengths = Buffer.of(wrapped.length >> 8, wrapped.length & 0xff);
    const body = encrypt(dataKey, associatedData('value', context, kek.id), plaintext);
    return Buffer.concat([Buffer.of(FORMAT, keyId.length), keyId, lengths, wrapped, body]);
  } finally {
    dataKey.fill(0);
  }
}

/**
 * Opens what {@link seal} made.
 *
 * @param keks the key-encryption keys that this process has
 * @returns the value, for the caller to wipe
 * @throws {UnknownKeyEncryptionKey} if it is sealed under none of them
 * @throws {SealBroken} if it does not open for another reason
 * @throws {CustodyUnavailable} if the key-encryption key is out of reach
 */
export async function unseal(
  keks: readonly KeyEncryption[],
  context: SealContext,
  sealed: Buffer,
): Promise<Buffer> {
  const { keyId, wrapped, body } = parseEnvelope(context, sealed);
  const kek = keks.find(({ id }) => id === keyId);
  if (kek === undefined) throw new UnknownKeyEncryptionKey(keyId);
  const dataKey = await kek.unwrap(wrapped, associatedData('data-key', context, keyId));
  try {
    if (dataKey.length !== DATA_KEY_BYTES) throw new SealBroken('not a data key of ours');
    return decrypt(dataKey, associatedData('value', context, keyId), body);
  } catch (cause) {
    if (!(cause instanceof NotAuthentic)) throw cause;
    throw new SealBroken(`the sealed ${context.purpose} does not open`, { cause });
  } finally {
    dataKey.fill(0);
  }
}

/** The id of the key-encryption key in a sealed value, unverified; `null` if it has none. */
export function keyIdOf(sealed: Buffer): string | null {
  const length = sealed[0] === FORMAT ? sealed[1] : undefined;
  if (length === undefined || sealed.length < 2 + length) return null;
  return sealed.toString('latin1', 2, 2 + length);
}

function parseEnvelope({ purpose }: SealContext, sealed: Buffer): Envelope {
  const keyId = keyIdOf(sealed);
  if (keyId === null) throw new SealBroken(`not a sealed ${purpose}`);
  const lengthAt = 2 + keyId.length;
  if (sealed.length < lengthAt + 2) throw new SealBroken(`a cut sealed ${purpose}`);
  const wrappedAt = lengthAt + 2;
  const bodyAt = wrappedAt + sealed.readUInt16BE(lengthAt);
  return { keyId, wrapped: sealed.subarray(wrappedAt, bodyAt), body: sealed.subarray(bodyAt) };
}

function associatedData(
  layer: 'data-key' | 'value',
  { purpose, zoneId, id }: SealContext,
  keyId: string,
): Buffer {
  return Buffer.from(JSON.stringify(['mandate', FORMAT, layer, purpose, zoneId, id, keyId]));
}
