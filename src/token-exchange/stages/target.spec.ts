import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { OAuthError } from '../../oauth/errors.js';
import type { Delegated } from './delegate.js';
import { target, type Targets } from './target.js';

const NAMES = ['resource://1', 'resource://2', 'resource://3', 'resource://gone'] as const;
/** What each resource of the zone knows; the last of the names is none of them. */
const SCOPES: Readonly<Record<string, readonly string[]>> = {
  'resource://1': ['s1'],
  'resource://2': ['s1', 's2'],
  'resource://3': [],
};

interface Case {
  readonly named: readonly string[];
  readonly scope: readonly string[] | null;
  readonly ofClient: readonly string[];
  readonly ofZone: readonly string[];
  readonly subject: { readonly target: readonly string[] } | null;
  readonly onBehalfOf: boolean;
  readonly delegated: readonly string[] | null;
}

const names = fc.uniqueArray(fc.constantFrom(...NAMES));
const cases: fc.Arbitrary<Case> = fc.record({
  named: fc.oneof({ weight: 4, arbitrary: fc.constant([]) }, names),
  scope: fc.option(fc.uniqueArray(fc.constantFrom('s1', 's2', 's3'), { minLength: 1 })),
  ofClient: names,
  ofZone: names,
  subject: fc.option(
    fc.record({ target: fc.uniqueArray(fc.constantFrom(...NAMES), { minLength: 1 }) }),
  ),
  onBehalfOf: fc.boolean(),
  delegated: fc.option(names),
});

function targetsOf(one: Case): Targets | null {
  const { named, scope, ofClient, ofZone, subject, delegated } = one;
  const resources = new Map(Object.entries(SCOPES).map(([name, scopes]) => [name, { scopes }]));
  const request = {
    asked: { targets: named, scope },
    caller: {
      client: { defaultResources: ofClient, audience: null },
      zone: { defaultResources: ofZone, resources },
    },
    principals: { subject, onBehalfOf: subject !== null && one.onBehalfOf },
    agency: delegated === null ? null : { edge: { constraints: { resources: delegated } } },
  } as unknown as Delegated;
  try {
    return target(request).targets;
  } catch (error) {
    expect(error).toBeInstanceOf(OAuthError);
    expect((error as OAuthError).code).toBe('invalid_target');
    return null;
  }
}

/** What a case allows of the lists that there are, in their order. */
function allowed({ ofClient, ofZone, subject, onBehalfOf, delegated }: Case) {
  const narrowed = subject !== null && !onBehalfOf ? subject.target : null;
  const within = (list: readonly string[]) =>
    list.filter(
      (name) => (narrowed ?? NAMES).includes(name) && (delegated ?? NAMES).includes(name),
    );
  return { client: within(ofClient), zone: within(ofZone), subject_token: within(narrowed ?? []) };
}

test('what is found is named by the request, or within what it could have named', () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(cases, (one) => {
      const targets = targetsOf(one);
      if (one.named.length > 0) {
        expect(targets).toEqual({ resources: one.named, from: 'request' });
        return;
      }
      const lists = allowed(one);
      const order = ['client', 'zone', 'subject_token'] as const;
      const from = order.find((list) => lists[list].length > 0);
      seen.add(from ?? 'nothing');
      expect(targets?.from).toBe(from);
      if (targets === null || from === undefined) return;
      const left = lists[from].filter((name) => !targets.resources.includes(name));
      expect(lists[from].filter((name) => !left.includes(name))).toEqual(targets.resources);
      expect(targets.resources.length).toBeGreaterThan(0);
      // What is left out lacks some of the scope, and is a resource; what is taken has it all, or nothing has.
      const knows = (name: string) =>
        one.scope === null || one.scope.every((each) => SCOPES[name]?.includes(each) ?? true);
      expect(left.filter(knows)).toEqual([]);
      if (left.length > 0) expect(targets.resources.filter((name) => !knows(name))).toEqual([]);
    }),
    { numRuns: 2_000 },
  );
  expect([...seen].toSorted()).toEqual(['client', 'nothing', 'subject_token', 'zone']);
});
