import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import * as fc from 'fast-check';
import { CompactSign } from 'jose';
import { expect, test } from 'vitest';
import { MalformedToken, parseCompactJws } from '../oauth/compact-jws.js';
import { VerifiedSignatures } from './verified-signatures.js';

const pairs = [0, 1, 2].map(() => generateKeyPairSync('ec', { namedCurve: 'P-256' }));
const TOKENS = await Promise.all(
  pairs.flatMap(({ privateKey }) =>
    [1, 2].map((n) =>
      new CompactSign(Buffer.from(JSON.stringify({ n, in: [{}] })))
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
  const askWrongly = (key: KeyObject): Promise<boolean> => {
    const wrong = { ...parseCompactJws(token), signature: Buffer.alloc(64) };
    return memory.isSignedBy(key, token, wrong);
  };
  expect(await askWrongly(own)).toBe(false);
  expect(await ask(memory, own, token)).toBe(true);
  expect(await askWrongly(again(own))).toBe(true);
  expect(await askWrongly(other)).toBe(false);
});

test('says what a token says, whether it is remembered or not', async () => {
  const memory = new VerifiedSignatures();
  const key = pairs[0]?.publicKey;
  const [token = '', second = '', others = ''] = TOKENS;
  if (key === undefined) throw new Error('no key');
  const { header, claims } = parseCompactJws(token);
  for (const asked of [token, token, second, token]) {
    const content = memory.parse(asked);
    expect(content).toMatchObject(asked === token ? { header, claims } : { claims: { n: 2 } });
    expect(await memory.isSignedBy(key, asked, content)).toBe(true);
  }
  // What was signed rightly is one object for all, which nobody can change, with all that is in it.
  const content = memory.parse(token);
  expect(memory.parse(token)).toBe(content);
  expect([content, content.header, content.claims].map(Object.isFrozen)).toEqual([
    true,
    true,
    true,
  ]);
  expect(Object.isFrozen(content.claims['in'])).toBe(true);
  // By another key it is verified as if it came for the first time, and what is wrong is not remembered.
  const [, another, third] = pairs.map(({ publicKey }) => publicKey);
  for (const other of [another, third]) {
    if (other === undefined) throw new Error('no key');
    expect(await memory.isSignedBy(other, token, content)).toBe(false);
  }
  expect(await memory.isSignedBy(key, others, memory.parse(others))).toBe(false);
  expect(memory.parse(others)).not.toBe(memory.parse(others));
  const broken = `${token.slice(0, -4)}AAAA`;
  expect(await memory.isSignedBy(key, broken, memory.parse(broken))).toBe(false);
  expect(() => memory.parse(token.slice(1))).toThrow(MalformedToken);
});
