import type { ZoneAlg } from '../../oauth/algorithms.js';
import { newSigningKeyPair, signWith, type Sign } from './key-pair.js';
import type { KeyInUse, NewKey, Signer } from './signer.js';

/**
 * The signer in this process. A private key is in the function that signs with it, and nowhere else. Signatures are not
 * checked here: the first of each key and one in a thousand are where mandates are signed (`key-ring.ts`).
 */
export class LocalSigner implements Signer {
  async newKey(_zoneId: string, alg: ZoneAlg): Promise<NewKey> {
    const { publicJwk, privateKey } = await newSigningKeyPair(alg);
    return { publicJwk, handle: privateKey };
  }

  async use({ alg }: KeyInUse, handle: Buffer): Promise<Sign> {
    return signWith(handle, alg);
  }
}
