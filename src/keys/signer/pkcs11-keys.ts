import { createHash, createPublicKey, randomBytes } from 'node:crypto';
import type { JWK } from 'jose';
import { publicPartOf } from '../signing/key-pair.js';
import type { ZoneAlg } from '../../oauth/algorithms.js';
import { SignerRefusal, type KeyStore } from './key-store.js';
import { runPkcs11Tool, type Pkcs11Device } from './pkcs11-tool.js';

/** The options of `pkcs11-tool` for one algorithm. */
interface Mechanism {
  readonly keyType: string;
  readonly sign: readonly string[];
  /** What the device gets to sign: the data, or its digest, since many devices do not hash. */
  readonly input: (data: Buffer) => Buffer;
}

const identity = (data: Buffer): Buffer => data;
const digest = (data: Buffer): Buffer => createHash('sha256').update(data).digest();

/**
 * The algorithms that `pkcs11-tool` dependably does. It cannot read public keys on P-384 back (0.23),
 * and devices disagree about the name of a key type for EdDSA.
 */
const MECHANISMS: Readonly<Partial<Record<ZoneAlg, Mechanism>>> = {
  ES256: {
    keyType: 'EC:prime256v1',
    sign: ['--mechanism', 'ECDSA', '--signature-format', 'rs'],
    input: digest,
  },
  RS256: { keyType: 'rsa:3072', sign: ['--mechanism', 'SHA256-RSA-PKCS'], input: identity },
  PS256: {
    keyType: 'rsa:3072',
    sign: ['--mechanism', 'SHA256-RSA-PKCS-PSS', '--mgf', 'MGF1-SHA256', '--salt-len', '32'],
    input: identity,
  },
};

const NONCE_BYTES = 8;

/**
 * Keys in a PKCS#11 device, from which they cannot be read. It runs `pkcs11-tool` of OpenSC once for each
 * signature, which is slow, some ten a second; a device in production needs a signer that keeps its
 * session.
 */
export class Pkcs11Keys implements KeyStore {
  /** The previous call. Many devices have one session only, and refuse a second program beside it. */
  private last: Promise<unknown> = Promise.resolve();

  constructor(private readonly device: Pkcs11Device) {}

  async newKey(zone: string, alg: ZoneAlg): Promise<{ handle: string; publicJwk: JWK }> {
    const { keyType } = mechanismOf(alg);
    const handle = deriveId(randomBytes(NONCE_BYTES), zone, alg);
    const which = ['--id', handle, '--label', `mandate ${alg}`];
    const what = ['--keypairgen', '--key-type', keyType, '--usage-sign', '--sensitive'];
    await this.run([...what, ...which]);
    const der = await this.run(['--read-object', '--type', 'pubkey', ...which]);
    const key = createPublicKey({ key: der, format: 'der', type: 'spki' });
    return { handle, publicJwk: publicPartOf({ ...key.export({ format: 'jwk' }) }) };
  }

  async sign(
    { zone, handle, alg }: { zone: string; handle: string; alg: ZoneAlg },
    data: Buffer,
  ): Promise<Uint8Array> {
    const { sign, input } = mechanismOf(alg);
    const nonce = Buffer.from(handle, 'hex').subarray(0, NONCE_BYTES);
    if (deriveId(nonce, zone, alg) !== handle) throw new SignerRefusal('unknown_key');
    return this.run(['--sign', '--id', handle, ...sign], input(data));
  }

  private run(what: readonly string[], input?: Buffer): Promise<Buffer> {
    const next = this.last.then(() => runPkcs11Tool(this.device, what, input));
    this.last = next.catch(() => {});
    return next;
  }
}

/** The id of a key in the device. It is bound to one zone and algorithm, so neither has to be stored. */
function deriveId(nonce: Buffer, zone: string, alg: ZoneAlg): string {
  const use = createHash('sha256').update(JSON.stringify([nonce.toString('hex'), zone, alg]));
  return Buffer.concat([nonce, use.digest().subarray(0, 16)]).toString('hex');
}

function mechanismOf(alg: ZoneAlg): Mechanism {
  const mechanism = MECHANISMS[alg];
  if (mechanism === undefined) throw new SignerRefusal('unsupported_alg');
  return mechanism;
}
