import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import * as fc from 'fast-check';
import { CompactSign } from 'jose';
import { expect, test } from 'vitest';
import { parseCompactJws } from '../oauth/compact-jws.js';
import { VerifiedSignatures } from './verified-signatures.js';

const pairs = [0, 1, 2].map(() => generateKeyPairSync('ec', { namedCurve: 'P-256' }));
const TOKENS = await Promise.all(
  pairs.flatMap(({ privateKey }) =>
    [1, 2].map((n) =>
      new CompactSign(Buffer.from(JSON.stringify({ n })))
        .setProtectedHeader({ alg: 'ES256' })
        .sign(privateKey),
    ),
  ),
);

/** A key object of its own, as a zone that is loaded again has. */
const again = (key: KeyObject): KeyObject =>
  createPublicKey({ key: key.export({ format: 'jwk' }), format: 'jwk' });

const ask = (memory: VerifiedSignatures, key: KeyObject, token: string): Promise<boolean> =>
  memory.isSignedBy(key, token, parseCompactJws(token));

test('says for every key and token what it says when it is asked for the first time', async () => {
  const question = fc.tuple(fc.nat(2), fc.nat(TOKENS.length - 1), fc.boolean());
  await fc.assert(
    fc.asyncProperty(
      fc.array(question, { maxLength: 30 }),
      fc.integer({ min: 1, max: 4 }),
      async (questions, max) => {
        const memory = new VerifiedSignatures(max);
        for (const [signer, at, broken] of questions) {
          const token = TOKENS[at] ?? '';
          const asked = broken ? `${token.slice(0, -4)}AAAA` : token;
          const key = pairs[signer]?.publicKey;
          if (key === undefined) throw new Error('no key');
          const right = !broken && Math.floor(at / 2) === signer;
          expect(await ask(memory, again(key), asked)).toBe(right);
        }
      },
    ),
    { numRuns: 60 },
  );
});

test('does not verify again what the key is known to have signed', async () => {
  const memory = new VerifiedSignatures();
  const token = TOKENS[0] ?? '';
  const [own, other] = pairs.map(({ publicKey }) => publicKey);
  if (own === undefined || other === undefined) throw new Error('no key');
  // With a signature that is wrong, only what is remembered can be right.
  const askWrongly = (key: KeyObject): Promise<boolean> =>
    memory.isSignedBy(key, token, { ...parseCompactJws(token), signature: Buffer.alloc(64) });
  expect(await askWrongly(own)).toBe(false);
  expect(await ask(memory, own, token)).toBe(true);
  expect(await askWrongly(again(own))).toBe(true);
  expect(await askWrongly(other)).toBe(false);
});
