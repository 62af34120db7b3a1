import { expect, test } from 'vitest';
import { CustodyUnavailable } from '../../src/sealing/key-encryption.js';
import { keyIdOf } from '../../src/keys/signing/key-pair.js';
import { importPublicKey } from '../../src/keys/signing/key-pair.js';
import { isSignedBy } from '../../src/oauth/signatures.js';
import type { Signer } from '../../src/keys/signing/signer.js';
import type { ZoneAlg } from '../../src/oauth/algorithms.js';

const ZONE = '0192f0c1-0000-7000-8000-00000000000a';
const OTHER_ZONE = '0192f0c1-0000-7000-8000-00000000000b';

/** JOSE's lengths of signatures (RFC 7518 3.3-3.5, RFC 8037 3.1); for RSA with 3072 bits. */
const LENGTHS: Readonly<Record<ZoneAlg, number>> = {
  ES256: 64,
  ES384: 96,
  EdDSA: 64,
  RS256: 384,
  PS256: 384,
};

/** What a signer may be tried with. */
export interface SignerToTry {
  readonly signer: () => Signer;
  readonly algs: readonly ZoneAlg[];
  /** Whether keys are told by name, and not handed out. */
  readonly remote: boolean;
}

/** What every implementation of `Signer` must do while nothing is wrong. */
export function signerContract({ signer, algs, remote }: SignerToTry): void {
  const drawn = async (alg: ZoneAlg, zoneId = ZONE) => {
    const { publicJwk, handle } = await signer().newKey(zoneId, alg);
    const key = { zoneId, kid: await keyIdOf(publicJwk), alg, publicJwk };
    return { key, handle };
  };

  test.each(algs)('signs with %s as JOSE has it', async (alg) => {
    const { key, handle } = await drawn(alg);
    expect(Object.keys(key.publicJwk)).not.toContain('d');
    const sign = await signer().use(key, handle);
    const data = Buffer.from('header.payload');
    const many = Array.from({ length: 20 }, (_, i) => sign(Buffer.from(`many ${i}`)));
    const [one, two] = await Promise.all([sign(data), sign(Buffer.alloc(9_000, 'x')), ...many]);
    expect(one).toHaveLength(LENGTHS[alg]);
    const publicKey = importPublicKey(key.publicJwk, alg);
    expect(await isSignedBy(publicKey, alg, data, one)).toBe(true);
    expect(await isSignedBy(publicKey, alg, Buffer.alloc(9_000, 'x'), two)).toBe(true);
    expect(await isSignedBy(publicKey, alg, data, two)).toBe(false);
  });

  test('makes another key each time', async () => {
    const [one, two] = [await drawn('ES256'), await drawn('ES256')];
    expect(one.key.kid).not.toBe(two.key.kid);
    expect(one.handle.equals(two.handle)).toBe(false);
  });

  test.runIf(remote)('hands out no private key', async () => {
    const { handle } = await drawn('ES256');
    expect(handle.toString()).toMatch(/^[\w-]{20,128}$/);
  });

  test.runIf(remote)(
    'does not sign with a key of another zone or algorithm, or with none',
    async () => {
      const { key, handle } = await drawn('ES256');
      const elsewhere = await signer().use({ ...key, zoneId: OTHER_ZONE }, Buffer.from(handle));
      await expect(elsewhere(Buffer.from('x'))).rejects.toThrow(CustodyUnavailable);
      for (const wrong of ['nobody', '../../etc/passwd', 'a'.repeat(43), '']) {
        const sign = await signer().use(key, Buffer.from(wrong));
        await expect(sign(Buffer.from('x'))).rejects.toThrow(CustodyUnavailable);
      }
      const other = await drawn(algs.find((alg) => alg !== 'ES256') ?? 'ES384');
      const mixed = await signer().use(other.key, Buffer.from(handle));
      await expect(mixed(Buffer.from('x'))).rejects.toThrow(CustodyUnavailable);
    },
  );

  test.runIf(remote)('does not pass on what another key has signed', async () => {
    const [one, two] = [await drawn('ES256'), await drawn('ES256')];
    const sign = await signer().use(one.key, two.handle);
    await expect(sign(Buffer.from('x'))).rejects.toThrow('cannot answer');
  });
}
