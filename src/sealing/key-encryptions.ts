import type { KeyCustody } from '../platform/config/key-custody.js';
import { SealBroken, type KeyEncryption } from './key-encryption.js';
import { LocalKeyEncryption } from './local-key-encryption.js';
import { CachingKeyEncryption } from './caching-key-encryption.js';
import { FORMAT_1, unsealFormat1 } from './seal-format-1.js';
import { unseal, type SealContext } from './seal.js';
import { VaultKeyEncryption } from './vault-key-encryption.js';

/** A key-encryption key that this process holds, and its bytes, which the first release sealed under. */
export interface HeldKey {
  readonly id: string;
  readonly bytes: Buffer;
}

/** The key-encryption keys that a process was given. */
export interface KeyEncryptions {
  /** The one that seals. */
  readonly sealing: KeyEncryption;
  /** All of them, the one that seals among them. */
  readonly opening: readonly KeyEncryption[];
  /** Those whose bytes are here. */
  readonly held: readonly HeldKey[];
}

/** What the environment says, as keys to use. */
export function keyEncryptionsOf(custody: KeyCustody): KeyEncryptions {
  const { key, previousKey, vault, provider } = custody;
  const local = [key, previousKey]
    .filter((bytes) => bytes !== undefined)
    .map((bytes) => ({ bytes, kek: new LocalKeyEncryption(bytes) }));
  const remote =
    vault === undefined ? [] : [new CachingKeyEncryption(new VaultKeyEncryption(vault))];
  const own = key === undefined ? undefined : local[0]?.kek;
  const sealing = provider === 'vault' ? remote[0] : own;
  if (sealing === undefined) throw new Error('the environment was accepted without a key to seal');
  return {
    sealing,
    opening: [...local.map(({ kek }) => kek), ...remote],
    held: local.map(({ bytes, kek }) => ({ id: kek.id, bytes })),
  };
}

/**
 * Opens a sealed value, of whichever format.
 *
 * @returns the value, the caller's to wipe
 * @throws {SealBroken} if it was edited or swapped, or sealed under a key that is not among these
 * @throws {CustodyUnavailable} if its key-encryption key is out of reach
 */
export async function openSealed(
  keks: KeyEncryptions,
  context: SealContext,
  sealed: Buffer,
): Promise<Buffer> {
  if (sealed[0] !== FORMAT_1) return unseal(keks.opening, context, sealed);
  // This format does not say under which key.
  let broken = new SealBroken('sealed by the first release, under a key that this process has not');
  for (const { bytes } of keks.held) {
    try {
      return unsealFormat1(bytes, context, sealed);
    } catch (error) {
      if (!(error instanceof SealBroken)) throw error;
      broken = error;
    }
  }
  throw broken;
}
