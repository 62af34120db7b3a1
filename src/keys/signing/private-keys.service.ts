import { Inject, Injectable } from '@nestjs/common';
import type { JWK } from 'jose';
import { ENV, type RunningEnv } from '../../platform/config/env.js';
import type { ZoneAlg } from '../../oauth/algorithms.js';
import { CustodyUnavailable, SealBroken } from '../../sealing/key-encryption.js';
import { keyIdOf, type Sign } from './key-pair.js';
import { LocalSigner } from './local-signer.js';
import { Sealing } from '../../sealing/sealing.service.js';
import type { Signer } from './signer.js';
import { SocketSigner } from './socket-signer.js';

/** A key pair of a zone as it is stored: the public key clear, and the private key or its handle sealed. */
export interface StoredKeyPair {
  readonly zoneId: string;
  /** RFC 7638 thumbprint of the public key. */
  readonly kid: string;
  readonly alg: ZoneAlg;
  readonly publicJwk: JWK;
  /** The private key, if this process signs with it. */
  readonly sealedPrivateKey: Buffer | null;
  /** The remote signer's handle of the key, if that signs with it. */
  readonly sealedSignerHandle: Buffer | null;
}

/** Generates private keys and opens them for signing, here or at a remote signer. Nothing else handles them. */
@Injectable()
export class PrivateKeys {
  private readonly local: Signer = new LocalSigner();
  private readonly remote: Signer | null;
  private readonly generatesRemotely: boolean;

  constructor(
    private readonly sealing: Sealing,
    @Inject(ENV) { custody }: RunningEnv,
  ) {
    const { signer, signerSocket } = custody;
    this.remote = signerSocket === undefined ? null : new SocketSigner(signerSocket);
    this.generatesRemotely = signer === 'socket';
  }

  /**
   * Generates a key pair for a zone, off the main thread. It may take seconds: hold no lock meanwhile.
   *
   * @throws {CustodyUnavailable} if the signer or the key-encryption key is out of reach
   */
  async generate(zoneId: string, alg: ZoneAlg): Promise<StoredKeyPair> {
    const signer = this.generatesRemotely ? this.remoteSigner() : this.local;
    const { publicJwk, handle } = await signer.newKey(zoneId, alg);
    try {
      const kid = await keyIdOf(publicJwk);
      const sealed = await this.sealing.seal(
        contextOf({ zoneId, kid }, this.generatesRemotely),
        handle,
      );
      return {
        zoneId,
        kid,
        alg,
        publicJwk,
        sealedPrivateKey: this.generatesRemotely ? null : sealed,
        sealedSignerHandle: this.generatesRemotely ? sealed : null,
      };
    } finally {
      handle.fill(0);
    }
  }

  /**
   * Opens a private key for signing. Do so also for one that signs no more: the seal has the key id in it,
   * and the key id is the hash of the public key, so an attacker who can write rows but not seal cannot plant
   * a public key. That holds for a remote key as well, whose handle is sealed alike.
   *
   * @throws {SealBroken} if a row was edited, swapped or sealed under another key
   * @throws {CustodyUnavailable} if the key-encryption key is out of reach
   */
  async open(pair: StoredKeyPair): Promise<Sign> {
    const { zoneId, kid, sealedPrivateKey, sealedSignerHandle } = pair;
    const remotely = sealedPrivateKey === null;
    const sealed = sealedPrivateKey ?? sealedSignerHandle;
    if (sealed === null) throw new SealBroken('neither a private key nor the name of one');
    const handle = await this.sealing.open(contextOf({ zoneId, kid }, remotely), sealed);
    try {
      if ((await keyIdOf(pair.publicJwk)) !== kid) {
        throw new SealBroken('the public key is not the one whose private key was sealed');
      }
      return await (remotely ? this.remoteSigner() : this.local).use(pair, handle);
    } finally {
      handle.fill(0);
    }
  }

  private remoteSigner(): Signer {
    if (this.remote === null) throw new CustodyUnavailable('SIGNER_SOCKET is not set');
    return this.remote;
  }
}

function contextOf({ zoneId, kid }: { zoneId: string; kid: string }, remotely: boolean) {
  const purpose = remotely ? 'signer-handle' : 'signing-key';
  return { purpose, zoneId, id: kid } as const;
}
