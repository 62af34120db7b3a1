import type { ZoneAlg } from '../../oauth/algorithms.js';
import { isSignedBy } from '../../oauth/signatures.js';
import { inSpan } from '../../platform/tracing/spans.js';
import type { Sign } from './key-pair.js';
import { isPublished, type KeySchedule } from '../rotation/key-schedule.js';
import { algsFor, signerOf, type ZoneAlgs } from './signing-algs.js';
import { type VerificationKey } from '../../mandates/verify-mandate.js';
import { MANDATE_TYP } from '../../oauth/vocabulary.js';

/** A key of a zone, opened. `sign` is `null` for one that will never sign again. */
export interface RingKey extends VerificationKey, KeySchedule {
  readonly alg: ZoneAlg;
  readonly sign: Sign | null;
}

/** Thrown when no key of the zone may sign. */
export class NoSigningKey extends Error {
  override readonly name = 'NoSigningKey';
}

/** Thrown when a key has made a signature that its public half does not verify. */
export class WrongSignature extends Error {
  override readonly name = 'WrongSignature';
}

/** One in so many signatures of a key is verified, beginning with the first. */
const VERIFIED_SHARE = 1_000;

/** What is signed to see whether a key signs. */
const TRIAL = Buffer.from('Mandate: does this key sign?');

/** The published keys of a zone at one version of it: signs and verifies its mandates. */
export class KeyRing {
  private readonly byKid: ReadonlyMap<string, RingKey>;
  /** How many mandates each key has signed, by `kid`. */
  private readonly signed = new Map<string, number>();
  /** The encoded headers of what is signed, by `kid` and `typ`, of which there are a few. */
  private readonly headers = new Map<string, string>();

  /**
   * @param keys all published keys
   * @param algs the algorithms that the zone signs with
   */
  constructor(
    readonly keys: readonly RingKey[],
    private readonly algs: ZoneAlgs,
  ) {
    this.byKid = new Map(keys.map((key) => [key.kid, key]));
  }

  /**
   * The key that verifies signatures under `kid`: any published one, also a pending one, since it becomes
   * active sooner at a replica whose clock is ahead of ours.
   *
   * @param now milliseconds since the epoch
   * @returns `null` for unknown, retired and compromised keys
   */
  findKey(kid: string, now: number): VerificationKey | null {
    const key = this.byKid.get(kid);
    return key !== undefined && isPublished(key, now) ? key : null;
  }

  /**
   * The moment when the key that signs now leaves the key set, which no mandate may outlive.
   *
   * @param requested the algorithm that each resource of the mandate asks for, `null` where it asks for none
   * @returns milliseconds since the epoch, or `Infinity`
   * @throws {NoSigningKey}
   */
  signerExpiresAt(requested: readonly (ZoneAlg | null)[], now: number): number {
    return this.signer(requested, now).expiresAt ?? Number.POSITIVE_INFINITY;
  }

  /**
   * Signs claims as a mandate (RFC 7515 7.1, RFC 9068 2.1) with the key that signs now. The first signature of each key
   * is verified, and then one in {@link VERIFIED_SHARE}: a key that does not fit its published half shows at once, a
   * machine that computes wrongly soon. A signer elsewhere has each of its signatures verified (`socket-signer.ts`).
   *
   * @param requested the algorithm that each resource of the mandate asks for, `null` where it asks for none
   * @param now milliseconds since the epoch
   * @param typ what its resources take; of what is no mandate, such as an answer about one, its own
   * @throws {NoSigningKey}
   * @throws {WrongSignature}
   */
  async sign(
    claims: Readonly<Record<string, unknown>>,
    requested: readonly (ZoneAlg | null)[],
    now: number,
    typ: string = MANDATE_TYP,
  ): Promise<SignedMandate> {
    const key = this.signer(requested, now);
    if (key.sign === null) throw new NoSigningKey('the active key was not opened');
    const payload = JSON.stringify(claims);
    const input = `${this.headerOf(key, typ)}.${encode(payload)}`;
    const signingInput = Buffer.from(input);
    const { alg, kid } = key;
    const { sign } = key;
    const signature = await inSpan('key sign', (span) => {
      span?.set({ 'mandate.key.alg': alg, 'mandate.key.kid': kid });
      return sign(signingInput);
    });
    await this.verifyNowAndThen(key, signingInput, signature);
    return { token: `${input}.${base64url(signature)}`, kid, payload, typ };
  }

  /** The first segment of what a key signs as a `typ`. */
  private headerOf({ alg, kid }: RingKey, typ: string): string {
    const name = `${kid} ${typ}`;
    let header = this.headers.get(name);
    if (header === undefined) {
      header = encode(JSON.stringify({ alg, kid, typ }));
      this.headers.set(name, header);
    }
    return header;
  }

  private async verifyNowAndThen(
    { kid, alg, publicKey }: RingKey,
    signingInput: Uint8Array,
    signature: Uint8Array,
  ): Promise<void> {
    const before = this.signed.get(kid) ?? 0;
    this.signed.set(kid, before + 1);
    if (before % VERIFIED_SHARE !== 0) return;
    if (await isSignedBy(publicKey, alg, signingInput, signature)) return;
    // The next one is verified, too.
    this.signed.set(kid, 0);
    throw new WrongSignature('a key signs what its public half does not verify');
  }

  /** Whether a mandate for which no algorithm is requested could be signed. */
  canSign(now: number): boolean {
    const key = signerOf(this.keys, algsFor([], this.algs), now);
    return key !== null && key.sign !== null;
  }

  /**
   * Signs, as a mandate for which no algorithm is requested is signed, what cannot be taken for one: it is
   * no JWS signing input.
   *
   * @returns `false` if no key may sign
   * @throws {CustodyUnavailable} if the signer is out of reach
   */
  async tryToSign(now: number): Promise<boolean> {
    const key = signerOf(this.keys, algsFor([], this.algs), now);
    if (key === null || key.sign === null) return false;
    return (await key.sign(TRIAL)).length > 0;
  }

  private signer(requested: readonly (ZoneAlg | null)[], now: number): RingKey {
    const key = signerOf(this.keys, algsFor(requested, this.algs), now);
    if (key === null) throw new NoSigningKey('no key of the zone is active');
    return key;
  }
}

/** A signed mandate in compact serialisation, and the key that signed it. */
export interface SignedMandate {
  readonly token: string;
  readonly kid: string;
  /** The text of the claims, which the second segment encodes. */
  readonly payload: string;
  /** As the header says it. */
  readonly typ: string;
}

function encode(text: string): string {
  return Buffer.from(text).toString('base64url');
}

function base64url({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('base64url');
}
