import { CompactSign, type CryptoKey } from 'jose';
import { isPublished, signingKeyOf, type KeySchedule } from './key-schedule.js';
import { MANDATE_TYP, type VerificationKey } from './verify-mandate.js';

/** A key of one zone, opened. `privateKey` is absent where it will never sign again. */
export interface RingKey extends VerificationKey, KeySchedule {
  readonly privateKey: CryptoKey | null;
}

/** Raised when no key of the zone may sign. */
export class NoSigningKey extends Error {
  override readonly name = 'NoSigningKey';
}

/** The keys of one zone at one version of it. */
export class KeyRing {
  private readonly byKid: ReadonlyMap<string, RingKey>;

  constructor(private readonly keys: readonly RingKey[]) {
    this.byKid = new Map(keys.map((key) => [key.kid, key]));
  }

  /**
   * The key that verifies what was signed under `kid`: any that is published, also one that is yet to
   * become active, since that happens sooner at a replica whose clock is ahead of ours.
   *
   * @param now milliseconds since the epoch
   * @returns `null` for unknown, retired and compromised keys
   */
  findKey(kid: string, now: number): VerificationKey | null {
    const key = this.byKid.get(kid);
    return key !== undefined && isPublished(key, now) ? key : null;
  }

  /**
   * When the key that signs now leaves the key set, which no mandate may outlive.
   *
   * @returns milliseconds since the epoch, or `Infinity`
   * @throws {NoSigningKey}
   */
  signerExpiresAt(now: number): number {
    return this.signer(now).expiresAt ?? Number.POSITIVE_INFINITY;
  }

  /**
   * Signs claims as a mandate (RFC 7515 7.1, RFC 9068 2.1) with the key that signs now.
   *
   * @param now milliseconds since the epoch
   * @throws {NoSigningKey}
   */
  async sign(claims: Readonly<Record<string, unknown>>, now: number): Promise<SignedMandate> {
    const key = this.signer(now);
    if (key.privateKey === null) throw new NoSigningKey('the active key was not opened');
    const token = await new CompactSign(new TextEncoder().encode(JSON.stringify(claims)))
      .setProtectedHeader({ alg: key.alg, kid: key.kid, typ: MANDATE_TYP })
      .sign(key.privateKey);
    return { token, kid: key.kid };
  }

  private signer(now: number): RingKey {
    const key = signingKeyOf(this.keys, now);
    if (key === null) throw new NoSigningKey('no key of the zone is active');
    return key;
  }
}

/** A mandate in its compact form, and the key that signed it. */
export interface SignedMandate {
  readonly token: string;
  readonly kid: string;
}
