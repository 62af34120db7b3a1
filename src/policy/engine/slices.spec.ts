import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type CompiledPolicySet, type PolicySource, assemble, readSet } from './compile.js';
import { residency } from './engine.js';
import { evaluate, release, warm } from './evaluate.js';
import { toCedarRequest } from './cedar-request.js';
import { input } from '../policy.fixture.js';
import { Slices } from './slices.js';

const ANYBODY = { principal: null, resource: null };
const IDS = ['app-1', 'app-1', 'app-1', 'app-2', 'a"b\\', 'é\u{1f600}', ''];
const RESOURCES = ['https://api.example.com', 'https://api.example.com', 'res-1', 'a"b\\'];

const CONDITIONS = [
  'true',
  'false',
  'context.challenge_resolved',
  '!context.challenge_resolved',
  'principal.zone_id == "zone-1"',
];
const ERRING = [
  'context.actor_claims.absent',
  'principal.id < 3',
  '9223372036854775807 + 1 == 0',
  'resource.absent == 1',
];

/** The same policies three ways: sliced, sliced into tiny parts, and all in one. */
function threeWays(
  contents: readonly string[],
): Record<'sliced' | 'tiny' | 'whole', CompiledPolicySet> {
  const modules: PolicySource[] = contents.map((content, n) => ({ id: `m${n}`, content }));
  const named = readSet(modules);
  const sliced = assemble('', named);
  return {
    sliced,
    tiny: { ...sliced, slices: new Slices(named, 150) },
    whole: assemble(
      '',
      named.map((policy) => ({ ...policy, head: ANYBODY })),
    ),
  };
}

const quoted = (id: string) => JSON.stringify(id).replace('é', '\\u{e9}');
const entity = (types: readonly string[], ids: readonly string[]) =>
  fc
    .tuple(fc.constantFrom(...types), fc.constantFrom(...ids))
    .map(([type, id]) => `${type}::${quoted(id)}`);

function constraint(types: readonly string[], ids: readonly string[]) {
  const uid = entity(types, ids);
  return fc.oneof(
    fc.constant(''),
    { weight: 4, arbitrary: uid.map((each) => ` == ${each}`) },
    uid.map((each) => ` in ${each}`),
    fc.constantFrom(...types).map((type) => ` is ${type}`),
    uid.map((each) => ` is ${types[0]} in ${each}`),
  );
}

const policy = fc
  .record({
    start: fc.constantFrom(
      'permit',
      'permit',
      '@max_ttl("60") permit',
      'forbid',
      '@step_up("mfa") forbid',
      '@step_up("human") forbid',
    ),
    principal: constraint(['Application', 'User', 'Other::Application', 'Resource'], IDS),
    action: fc.constantFrom(
      '',
      ' == Action::"TokenExchange"',
      ' in [Action::"TokenExchange"]',
      ' == Action::"Other"',
    ),
    resource: constraint(['Resource', 'Application'], RESOURCES),
    condition: fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom(...CONDITIONS) },
      fc.constantFrom(...ERRING),
    ),
  })
  .map(
    ({ start, principal, action, resource, condition }) =>
      `${start}(principal${principal}, action${action}, resource${resource}) when { ${condition} };`,
  );

/** Random sets of policies; `POLICY_RUNS=500` for the whole proof. */
const RUNS = Number(process.env['POLICY_RUNS'] ?? 150);

/** Half of the time everything is permitted, so that a few forbids are what decides. */
const policies = fc.oneof(
  fc.array(policy, { maxLength: 16 }),
  fc
    .array(policy, { maxLength: 4 })
    .map((some) => ['permit(principal, action, resource);', ...some]),
);

const asked = fc
  .record({
    type: fc.constantFrom('Application' as const, 'User' as const),
    id: fc.constantFrom(...IDS),
    identifier: fc.constantFrom(...RESOURCES),
    challenge_resolved: fc.boolean(),
  })
  .map(({ type, id, identifier, challenge_resolved }) =>
    input({ principal: { type, id }, resource: { identifier }, context: { challenge_resolved } }),
  );

/** The rarest of answers, so that it is among those that are compared. */
const STEP_UP = [
  'permit(principal, action, resource);',
  '@step_up("mfa") forbid(principal, action, resource);',
];

describe('slicing', () => {
  test('never changes an answer', () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(policies, fc.array(asked, { minLength: 1, maxLength: 6 }), (contents, inputs) => {
        const { sliced, tiny, whole } = threeWays(contents);
        for (const each of inputs) {
          const expected = evaluate(whole, each);
          seen.add(`${expected.decision} ${expected.evaluationStatus}`);
          expect(evaluate(sliced, each)).toEqual(expected);
          expect(evaluate(tiny, each)).toEqual(expected);
        }
        for (const each of [sliced, tiny, whole]) release(each);
      }),
      { numRuns: RUNS, examples: [[STEP_UP, [input()]]] },
    );
    // Otherwise the property has not looked at everything.
    expect([...seen].toSorted()).toEqual([
      'allow complete',
      'deny complete',
      'deny error',
      'step_up complete',
    ]);
  });

  test('relies on Cedar not to evaluate a condition behind a head that does not match', () => {
    const { whole } = threeWays([
      'permit(principal, action, resource);',
      'forbid(principal == User::"x", action, resource) when { context.absent };',
      'forbid(principal, action, resource == Resource::"x") when { context.absent };',
    ]);
    expect(evaluate(whole, input())).toMatchObject({
      decision: 'allow',
      evaluationStatus: 'complete',
    });
  });

  test('asks only what can match', () => {
    const { slices } = threeWays([
      'permit(principal == Application::"app-1", action, resource == Resource::"res-1");',
      'permit(principal == Application::"app-1", action, resource);',
      'permit(principal, action, resource == Resource::"res-1");',
      'permit(principal is User, action, resource);',
      'permit(principal == Application::"app-2", action, resource);',
      'permit(principal, action, resource == Resource::"res-2");',
      'permit(principal == User::"app-1", action, resource);',
    ]).sliced;
    const request = toCedarRequest(input({ resource: { identifier: 'res-1' } }));
    const ids = slices.partsFor(request).map(({ all }) => all.policies.map(({ id }) => id));
    expect(ids.map((each) => each.toSorted())).toEqual([['m0', 'm1', 'm2', 'm3']]);
  });

  test('gives requests of one kind one part, which the engine parses once', () => {
    const { slices } = threeWays([
      'permit(principal == Application::"app-1", action, resource);',
      'permit(principal, action, resource);',
    ]).sliced;
    const part = (id: string) => slices.partsFor(toCedarRequest(input({ principal: { id } })));
    expect(part('app-1')[0]).toBe(part('app-1')[0]);
    expect(part('app-2')[0]).toBe(part('app-3')[0]);
    expect(part('app-1')[0]).not.toBe(part('app-2')[0]);
  });

  test('parses ahead what is large, a part at a time, and gives all of it back', async () => {
    const before = residency();
    const padding = ' '.repeat(4_000);
    const { sliced } = threeWays(
      Array.from({ length: 40 }, () => `permit(principal, action, ${padding} resource);`),
    );
    await warm(sliced);
    const warmed = residency().sets - before.sets;
    expect(warmed).toBeGreaterThan(3);
    expect(evaluate(sliced, input()).decision).toBe('allow');
    expect(residency().sets - before.sets).toBe(warmed);
    release(sliced);
    expect(residency()).toEqual(before);
  });
});
