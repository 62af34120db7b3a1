import { expect, test } from 'vitest';
import { defaultTerms, impossibilityOf } from './type-terms.js';

const MFA = defaultTerms('mfa');

test('the terms that a zone has not set can be satisfied', () => {
  expect([impossibilityOf(MFA), impossibilityOf(defaultTerms('approval'))]).toEqual([null, null]);
});

test.each([
  ['a code that nobody may show', { satisfied_by: ['totp'], subject_may_satisfy: false }, /totp/],
  ['a proof that the subject may not give', { subject_may_satisfy: false }, /subject_must_satisfy/],
  ['more persons than there are', { satisfied_by: ['totp'], quorum: 2 }, /no more than 1/],
  ['a proof of several persons that is reused', { quorum: 2, reuse_seconds: 60 }, /reuse_seconds/],
] as const)('%s cannot be asked for', (_what, terms, reason) => {
  expect(impossibilityOf({ ...MFA, ...terms })).toMatch(reason);
});
