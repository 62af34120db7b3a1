import { expect, test } from 'vitest';
import { defaultTerms } from '../../step-up/type-terms.js';
import { meetsPolicy, type Demand } from './demand.js';

const NOW = 1_700_000_000;

/** A demand of policy for a type with these terms. */
function demand(terms: Partial<ReturnType<typeof defaultTerms>>): Demand {
  const challenge = { type: 'mfa', terms: { ...defaultTerms('mfa'), ...terms } };
  return { challenge, resources: ['https://api.example'], acrValues: null, maxAge: null };
}

test.each([
  ['shown of late', { reuse_seconds: 60 }, 60, true],
  ['shown longer ago', { reuse_seconds: 60 }, 61, false],
  ['not to be reused', {}, 0, false],
  ['that several persons have to confirm', { reuse_seconds: 60, quorum: 2 }, 0, false],
])('a proof %s', (_what, terms, age, met) => {
  expect(meetsPolicy(demand(terms), { acr: 'mfa', amr: [], authTime: NOW - age }, NOW)).toBe(met);
});
