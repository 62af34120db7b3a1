import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { OAuthError } from '../oauth/errors.js';
import { excesses, MAX_HOPS, type Grant } from './grant.js';
import { narrow, ownAuthority, type Source, type DelegationRequest } from './narrow.js';

const NOW = 1_800_000_000;
const SCOPES = ['a', 'b', 'c', 'd'];
const RESOURCES = ['resource://a', 'resource://b', 'resource://c'];

const limit = fc.option(fc.integer({ min: 1, max: 20 }), { nil: null });
const grant: fc.Arbitrary<Grant> = fc.record({
  scopes: fc.subarray(SCOPES),
  resources: fc.subarray(RESOURCES),
  ttlSeconds: limit,
  maxHops: fc.integer({ min: 1, max: MAX_HOPS }),
  expiresAt: fc.integer({ min: NOW - 5, max: NOW + 5_000 }),
  budget: limit,
  policyApproved: fc.boolean(),
});
const request: fc.Arbitrary<DelegationRequest> = fc.record({
  scopes: fc.subarray(SCOPES),
  resource: fc.option(fc.constantFrom(...RESOURCES), { nil: null }),
  resources: fc.option(fc.subarray(RESOURCES, { minLength: 1 }), { nil: null }),
  ttlSeconds: limit,
  maxHops: fc.option(fc.integer({ min: 1, max: MAX_HOPS }), { nil: null }),
  expiresAt: fc.option(fc.integer({ min: NOW - 5, max: NOW + 5_000 }), { nil: null }),
  expiresIn: fc.option(fc.integer({ min: 1, max: 5_000 }), { nil: null }),
  budget: limit,
  policyApproved: fc.boolean(),
});

function within(inner: Grant, outer: Grant): boolean {
  return excesses(inner, outer).length === 0;
}

function lower(a: number | null, b: number | null): number | null {
  return a === null || b === null ? (a ?? b) : Math.min(a, b);
}

/** What two grants have in common. */
function meet(one: Grant, two: Grant): Grant {
  return {
    scopes: one.scopes.filter((scope) => two.scopes.includes(scope)).toSorted(),
    resources: one.resources.filter((resource) => two.resources.includes(resource)).toSorted(),
    ttlSeconds: lower(one.ttlSeconds, two.ttlSeconds),
    maxHops: Math.min(one.maxHops, two.maxHops),
    expiresAt: Math.min(one.expiresAt, two.expiresAt),
    budget: lower(one.budget, two.budget),
    policyApproved: one.policyApproved || two.policyApproved,
  };
}

/** A request with what is too much left out, or asked for all the same. */
function fitted(wanted: DelegationRequest, { grant: above }: Source): DelegationRequest {
  return {
    ...wanted,
    scopes: wanted.scopes.filter((scope) => above.scopes.includes(scope)),
    resource: null,
    resources: null,
    ttlSeconds: null,
    maxHops: null,
    expiresAt: null,
    expiresIn: null,
  };
}

/** What comes of a request; `null` if it is refused. */
function tryNarrow(wanted: DelegationRequest, source: Source): Grant | null {
  try {
    return narrow(wanted, source, NOW);
  } catch (error) {
    expect(error).toBeInstanceOf(OAuthError);
    return null;
  }
}

describe('being a subset', () => {
  test('is so of itself', () => {
    fc.assert(fc.property(grant, (one) => within(one, one)));
  });

  test('holds across any number of steps', () => {
    fc.assert(
      fc.property(grant, grant, grant, (one, two, three) => {
        const middle = meet(one, two);
        const inner = meet(middle, three);
        expect([within(middle, one), within(inner, middle), within(inner, one)]).toEqual([
          true,
          true,
          true,
        ]);
        expect(within(one, two) && within(two, three) && !within(one, three)).toBe(false);
      }),
      { numRuns: 5_000 },
    );
  });

  test('both ways means the same authority', () => {
    fc.assert(
      fc.property(grant, grant, fc.boolean(), (one, other, same) => {
        const two = same ? meet(one, one) : other;
        expect(within(one, two) && within(two, one)).toBe(
          JSON.stringify(meet(one, one)) === JSON.stringify(meet(two, two)),
        );
      }),
      { numRuns: 2_000 },
    );
  });

  test.each<[keyof Grant, Partial<Grant>]>([
    ['scopes', { scopes: ['a', 'b', 'c'] }],
    ['resources', { resources: [...RESOURCES] }],
    ['ttlSeconds', { ttlSeconds: 61 }],
    ['ttlSeconds', { ttlSeconds: null }],
    ['maxHops', { maxHops: 4 }],
    ['expiresAt', { expiresAt: NOW + 61 }],
    ['budget', { budget: 6 }],
    ['budget', { budget: null }],
    ['policyApproved', { policyApproved: false }],
  ])('fails by %s alone: %j', (constraint, more) => {
    const outer: Grant = {
      scopes: ['a', 'b'],
      resources: RESOURCES.slice(0, 2),
      ttlSeconds: 60,
      maxHops: 3,
      expiresAt: NOW + 60,
      budget: 5,
      policyApproved: true,
    };
    expect(excesses(outer, outer)).toEqual([]);
    expect(excesses({ ...outer, ...more }, outer)).toEqual([constraint]);
  });

  test('fails for a limit that is no number', () => {
    const one = ownAuthority([], [], NOW).grant;
    for (const constraint of ['ttlSeconds', 'maxHops', 'expiresAt', 'budget'] as const) {
      const outer = { ...one, ttlSeconds: 5, budget: 5 };
      expect(excesses({ ...outer, [constraint]: Number.NaN }, outer)).toEqual([constraint]);
    }
  });
});

describe('narrowing', () => {
  test('along any chain gives a subset of everything above, or refuses', () => {
    const seen = { granted: 0, deep: 0 };
    fc.assert(
      fc.property(
        fc.array(fc.tuple(request, fc.nat(3)), { minLength: 1, maxLength: 12 }),
        (wishes) => {
          let source = ownAuthority(SCOPES, RESOURCES, NOW);
          const above = [source.grant];
          for (const [wanted, how] of wishes) {
            const made = tryNarrow(how === 0 ? wanted : fitted(wanted, source), source);
            if (made === null) continue;
            for (const one of above) expect(excesses(made, one)).toEqual([]);
            expect(made.expiresAt).toBeGreaterThan(NOW);
            above.push(made);
            source = { grant: made, lifetime: made.expiresAt - NOW, hops: source.hops + 1 };
            expect(source.hops).toBeLessThanOrEqual(made.maxHops);
            seen.granted += 1;
          }
          if (above.length > 3) seen.deep += 1;
        },
      ),
      { numRuns: 3_000 },
    );
    expect(seen.granted).toBeGreaterThan(500);
    expect(seen.deep).toBeGreaterThan(50);
  });

  test('gives what was asked for, not less', () => {
    fc.assert(
      fc.property(request, grant, fc.integer({ min: 1, max: 5_000 }), (wanted, from, lifetime) => {
        const made = tryNarrow(wanted, { grant: from, lifetime, hops: 0 });
        if (made === null) return;
        expect(new Set(made.scopes)).toEqual(new Set(wanted.scopes));
        if (wanted.resource !== null) expect(made.resources).toEqual([wanted.resource]);
        if (wanted.ttlSeconds !== null) expect(made.ttlSeconds).toBe(wanted.ttlSeconds);
        if (wanted.budget !== null) expect(made.budget).toBe(wanted.budget);
        if (wanted.maxHops !== null) expect(made.maxHops).toBe(wanted.maxHops);
      }),
      { numRuns: 3_000 },
    );
  });

  test('refuses a resource that is none of those which it names beside it', () => {
    const wanted: DelegationRequest = {
      scopes: ['a'],
      resource: 'resource://b',
      resources: ['resource://a'],
      ttlSeconds: null,
      maxHops: null,
      expiresAt: null,
      expiresIn: null,
      budget: null,
      policyApproved: false,
    };
    const source = ownAuthority(SCOPES, RESOURCES, NOW);
    expect(() => narrow(wanted, source, NOW)).toThrow('more than what can be delegated');
    const among = { ...wanted, resources: ['resource://a', 'resource://b'] };
    expect(narrow(among, source, NOW).resources).toEqual(['resource://b']);
  });

  test('takes again what it gave', () => {
    fc.assert(
      fc.property(request, (wanted) => {
        const source = ownAuthority(SCOPES, RESOURCES, NOW);
        const made = tryNarrow(wanted, source);
        if (made === null) return;
        const lifetime = made.expiresAt - NOW;
        const hops = made.maxHops - 1;
        expect(tryNarrow(wanted, { grant: made, lifetime, hops })).toEqual(made);
      }),
    );
  });
});
