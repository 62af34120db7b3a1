import type { KeyCustody } from '../platform/config/key-custody.js';
import { SealBroken, type KeyEncryption } from './key-encryption.js';
import { LocalKeyEncryption } from './local-key-encryption.js';
import { CachingKeyEncryption } from './caching-key-encryption.js';
import { FORMAT_1, unsealFormat1 } from './seal-format-1.js';
import { unseal, type SealContext } from './seal.js';
import { VaultKeyEncryption } from './vault-key-encryption.js';

/** The bytes of a key-encryption key that this process holds, for values of the first release. */
export interface HeldKey {
  readonly id: string;
  readonly bytes: Buffer;
}

/** The key-encryption keys that a process was given. */
export interface KeyEncryptions {
  /** The key that seals. */
  readonly sealing: KeyEncryption;
  /** All keys, the one that seals included. */
  readonly opening: readonly KeyEncryption[];
  /** Those whose bytes this process holds. */
  readonly held: readonly HeldKey[];
}

/** The key-encryption keys of a configuration. @throws if it has none that seals */
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
 * @returns the value, for the caller to wipe
 * @throws {SealBroken} if it was edited or swapped, or sealed under a key that is not among these
 * @throws {CustodyUnavailable} if its key-encryption key is out of reach
 */
export async function openSealed(
  keks: KeyEncryptions,
  context: SealContext,
  sealed: Buffer,
): Promise<Buffer> {
  if (sealed[0] !== FORMAT_1) return unseal(keks.opening, context, sealed);
  // This format does not name its key.
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
