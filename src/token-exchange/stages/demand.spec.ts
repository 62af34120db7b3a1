import { describe, expect, test } from 'vitest';
import { defaultTerms } from '../../step-up/type-terms.js';
import type { Authorized } from './authorize.js';
import { demandOf, meetsPolicy, meetsRequest, type Demand } from './demand.js';

const NOW = 1_700_000_000;

/** A demand of policy for a type with these terms. */
function demand(terms: Partial<ReturnType<typeof defaultTerms>>): Demand {
  const challenge = { type: 'mfa', terms: { ...defaultTerms('mfa'), ...terms } };
  return {
    challenge,
    resources: ['https://api.example'],
    acrValues: null,
    maxAge: null,
    isExact: false,
  };
}

test.each([
  ['shown of late', { reuse_seconds: 60 }, 60, true],
  ['shown longer ago', { reuse_seconds: 60 }, 61, false],
  ['not to be reused', {}, 0, false],
  ['that several persons have to confirm', { reuse_seconds: 60, quorum: 2 }, 0, false],
])('a proof %s', (_what, terms, age, met) => {
  expect(meetsPolicy(demand(terms), { acr: 'mfa', amr: [], authTime: NOW - age }, NOW)).toBe(met);
});

test('a proof of which the time is not known is none that policy takes', () => {
  expect(meetsPolicy(demand({ reuse_seconds: 60 }), { acr: 'mfa', amr: [] }, NOW)).toBe(false);
});

test('a proof counts for no type that nobody is authenticated by', () => {
  const approved = demand({ reuse_seconds: 60, satisfied_by: ['operator'] });
  expect(meetsPolicy(approved, { acr: 'mfa', amr: [], authTime: NOW }, NOW)).toBe(false);
});

test('a proof of something else is none of what is named exactly', () => {
  const known = { acr: 'mfa', amr: [], authTime: NOW };
  const reused = demand({ reuse_seconds: 60 });
  expect(meetsPolicy(reused, known, NOW)).toBe(true);
  expect(meetsPolicy({ ...reused, isExact: true }, known, NOW)).toBe(false);
});

test.each<[string, { acrValues: string[] | null; maxAge: number | null }, number | null, boolean]>([
  ['nothing', { acrValues: null, maxAge: null }, null, true],
  ['a class that was shown', { acrValues: ['x', 'mfa'], maxAge: null }, 900, true],
  ['a class that was not', { acrValues: ['x'], maxAge: null }, 0, false],
  ['an age that it has', { acrValues: null, maxAge: 60 }, 60, true],
  ['an age that is past', { acrValues: null, maxAge: 60 }, 61, false],
  ['an age, and there is none', { acrValues: null, maxAge: 60 }, null, false],
  ['a new one, whatever there is', { acrValues: null, maxAge: 0 }, 0, false],
])('a request that wants %s', (_what, wanted, age, met) => {
  const context = { acr: 'mfa', amr: [], ...(age === null ? {} : { authTime: NOW - age }) };
  expect(meetsRequest(wanted, context, NOW)).toBe(met);
});

describe('what a request owes', () => {
  const authorized = (...types: (string | null)[]) =>
    ({
      policy: {
        decisions: types.map((stepUp, n) => ({
          resource: { identifier: `resource://${n}` },
          verdict: {
            determiningPolicies: [{ policy: 'm0', effect: 'forbid' }],
            ...(stepUp === null ? { decision: 'allow' } : { decision: 'step_up', stepUp }),
          },
        })),
      },
      caller: { zone: { stepUpTypes: new Map() } },
      asked: { acrValues: null, maxAge: null },
      granted: { details: [] },
    }) as unknown as Authorized;

  test('is nothing, or what policy wants for each of its resources', () => {
    expect(demandOf(authorized(null, null))).toBeNull();
    expect(demandOf(authorized('mfa', null, 'mfa'))).toMatchObject({
      resources: ['resource://0', 'resource://2'],
      challenge: { type: 'mfa' },
    });
  });

  test('is refused where no one challenge would do for all of them', () => {
    expect(() => demandOf(authorized('mfa', 'approval'))).toThrow(
      expect.objectContaining({ code: 'access_denied' }),
    );
  });
});
