import { Injectable } from '@nestjs/common';
import type { JWK } from 'jose';
import type { SigningAlg } from '../oauth/algorithms.js';
import { drawKeyPair, importPrivateKey, keyIdOf, signWith, type Sign } from './key-pair.js';
import { SealBroken } from './seal.js';
import { Sealing } from './sealing.service.js';

/** A key pair of a zone as it is stored: the public half clear, the private half sealed. */
export interface StoredKeyPair {
  readonly zoneId: string;
  /** RFC 7638 thumbprint of the public key. */
  readonly kid: string;
  readonly alg: SigningAlg;
  readonly publicJwk: JWK;
  readonly sealedPrivateKey: Buffer;
}

/** Draws private keys and signs with them. Nothing else sees one. */
@Injectable()
export class PrivateKeys {
  constructor(private readonly sealing: Sealing) {}

  /** Draws a key pair for a zone, off the main thread. It may take seconds: hold no lock meanwhile. */
  async draw(zoneId: string, alg: SigningAlg): Promise<StoredKeyPair> {
    const { kid, publicJwk, privateKey } = await drawKeyPair(alg);
    try {
      const sealedPrivateKey = await this.sealing.seal(contextOf({ zoneId, kid }), privateKey);
      return { zoneId, kid, alg, publicJwk, sealedPrivateKey };
    } finally {
      privateKey.fill(0);
    }
  }

  /**
   * Opens a private key. Do so also for one that signs no more: what was sealed names the key id, and
   * the key id is the hash of the public key, so whoever can write rows but not seal cannot have a
   * key of theirs believed.
   *
   * @throws {SealBroken} if a row was edited, swapped or sealed under another key
   */
  async open(pair: StoredKeyPair): Promise<Sign> {
    const privateKey = await this.sealing.open(contextOf(pair), pair.sealedPrivateKey);
    if ((await keyIdOf(pair.publicJwk)) !== pair.kid) {
      privateKey.fill(0);
      throw new SealBroken('the public key is not the one whose private key was sealed');
    }
    return signWith(await importPrivateKey(privateKey, pair.alg), pair.alg);
  }
}

function contextOf({ zoneId, kid }: { zoneId: string; kid: string }) {
  return { purpose: 'signing-key', zoneId, id: kid } as const;
}
