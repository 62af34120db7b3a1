import { randomBytes, type KeyObject } from 'node:crypto';
import type { JWK } from 'jose';
import type { ZoneAlg } from '../../oauth/algorithms.js';
import { isSignedBy } from '../../oauth/signatures.js';
import { CustodyUnavailable } from '../../sealing/key-encryption.js';
import { importPublicKey, publicPartOf, type Sign } from './key-pair.js';
import type { KeyInUse, NewKey, Signer } from './signer.js';
import { SignerConnection } from './signer-connection.js';

/** Milliseconds for a signature: a token request has to be answered within two seconds. */
const SIGN_MS = 1_000;
/** Milliseconds for a new key. RSA in a slow device takes seconds, and only operators wait for it. */
const NEW_KEY_MS = 15_000;

/** A signer in another process, reached over a Unix socket, from which private keys never come out. */
export class SocketSigner implements Signer {
  private readonly connection: SignerConnection;

  /**
   * @param path of a Unix socket
   * @param signMs milliseconds to wait for a signature
   */
  constructor(
    path: string,
    private readonly signMs = SIGN_MS,
  ) {
    this.connection = new SignerConnection(path);
  }

  /** Generates a key, and signs with it once: a key that cannot sign would otherwise show only when it is active. */
  async newKey(zoneId: string, alg: ZoneAlg): Promise<NewKey> {
    const answer = await this.connection.ask({ op: 'new', zone: zoneId, alg }, NEW_KEY_MS);
    if (!('handle' in answer)) throw refusal(answer);
    const { handle, public_jwk: receivedJwk } = answer;
    const publicJwk = publicPartOf(receivedJwk);
    const sign = this.signWith({ zoneId, alg, publicJwk }, handle);
    await sign(randomBytes(32));
    return { publicJwk, handle: Buffer.from(handle) };
  }

  async use(key: KeyInUse, handle: Buffer): Promise<Sign> {
    return this.signWith(key, handle.toString());
  }

  private signWith(key: Omit<KeyInUse, 'kid'>, handle: string): Sign {
    const { zoneId, alg, publicJwk } = key;
    const publicKey = importAnswer(publicJwk, alg);
    return async (signingInput) => {
      const data = Buffer.from(signingInput).toString('base64url');
      const request = { op: 'sign', zone: zoneId, handle, alg, data } as const;
      const answer = await this.connection.ask(request, this.signMs);
      if (!('signature' in answer)) throw refusal(answer);
      const signature = Buffer.from(answer.signature, 'base64url');
      if (!(await isSignedBy(publicKey, alg, signingInput, signature))) {
        throw new CustodyUnavailable('the signer signed wrongly');
      }
      return signature;
    };
  }
}

function importAnswer(publicJwk: JWK, alg: ZoneAlg): KeyObject {
  try {
    return importPublicKey(publicJwk, alg);
  } catch (cause) {
    throw new CustodyUnavailable('the signer gave no public key for that', cause);
  }
}

function refusal(answer: object): CustodyUnavailable {
  const word = 'error' in answer ? String(answer.error) : 'something else';
  return new CustodyUnavailable(`the signer answered: ${word}`);
}
