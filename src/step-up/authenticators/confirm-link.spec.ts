import { createHash, randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { defaultTerms } from '../type-terms.js';
import { confirmUri, isPageSecret, pageSecret } from './confirm-link.js';
import { secretIn } from './link.js';

const digestOf = (secret: string) => createHash('sha256').update(secret).digest();

test('the secret of a page is one of its challenge, and has the form of one', () => {
  const secrets = Array.from({ length: 3 }, () => randomBytes(32).toString('base64url'));
  const digests = secrets.map(digestOf);
  for (const [i, digest] of digests.entries()) {
    const secret = pageSecret(digest);
    expect(secretIn(secret)).toBe(secret);
    expect(isPageSecret(secret, digests)).toBe(true);
    expect(isPageSecret(secret, digests.toSpliced(i, 1))).toBe(false);
  }
  expect(isPageSecret(pageSecret(digestOf('x')), [])).toBe(false);
});

test('what redeems a challenge does not open its page, nor the other way round', () => {
  const secret = randomBytes(32).toString('base64url');
  const digest = digestOf(secret);
  expect(isPageSecret(secret, [digest])).toBe(false);
  expect(isPageSecret(digest.toString('base64url'), [digest])).toBe(false);
  expect(digestOf(pageSecret(digest)).equals(digest)).toBe(false);
});

test('there is a link where the subject may confirm on the page', () => {
  const terms = defaultTerms('mfa');
  const link = (changed: object) => confirmUri('https://m', 'c', { ...terms, ...changed }, 'ff');
  expect(link({})).toBe(`https://m/step-up/c/confirm#${pageSecret(Buffer.of(0xff))}`);
  expect(link({ satisfied_by: ['webauthn', 'operator'] })).not.toBeNull();
  expect(link({ satisfied_by: ['proof_system'] })).toBeNull();
  expect(link({ subject_may_satisfy: false })).toBeNull();
});
