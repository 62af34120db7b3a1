import { describe, expect, test } from 'vitest';
import { costOf, costOfCalls } from './cost.js';
import { ask, withCedar } from './engine.js';
import { evaluate, evaluateElsewhere } from './evaluate.js';
import { heaviest } from './heaviest.js';
import type { PolicyInput } from './input.js';
import { inquire, Inquiry } from './inquiry.js';
import { EDGE, input, nested, set } from '../policy.fixture.js';

const claims = (actor_claims: PolicyInput['context']['actor_claims']) =>
  input({ context: { actor_claims } });

const keyOf = (condition: string, asked: PolicyInput) =>
  new Inquiry(set(`permit(principal, action, resource) when {${condition}};`), asked).key();

describe('the key of a decision', () => {
  // Each pair is the same but for what the condition reads, and decided differently.
  test.each<[string, PolicyInput, PolicyInput]>([
    ['principal == Application::"a"', input({ principal: { id: 'a' } }), input()],
    ['principal is User', input({ principal: { type: 'User' } }), input()],
    ['principal in Group::"g"', input({ principal: { groups: ['g'] } }), input()],
    ['principal.zone_id == "z"', input({ principal: { zone_id: 'z' } }), input()],
    ['principal has labels', input({ principal: { labels: [] } }), input()],
    ['resource == Resource::"r"', input({ resource: { identifier: 'r' } }), input()],
    ['resource.id == "r"', input({ resource: { id: 'r' } }), input()],
    ['resource.scopes.isEmpty()', input({ resource: { scopes: [] } }), input()],
    ['resource has revocation', input({ resource: { revocation: 'feed' } }), input()],
    [
      'resource has revocation && resource.revocation == "feed"',
      input({ resource: { revocation: 'feed' } }),
      input({ resource: { revocation: 'expiry' } }),
    ],
    ['action == Action::"Introspect"', input({ action: { id: 'Introspect' } }), input()],
    ['context.challenge_resolved', input({ context: { challenge_resolved: true } }), input()],
    ['context has session', input({ session: { id: 's' } }), input()],
    [
      'context has session.id && context.session.id == "s"',
      input({ session: { id: 's' } }),
      input({ session: { id: 't' } }),
    ],
    ['context has delegation_edge', input({ delegation_edge: EDGE }), input()],
    [
      'context has request_path && context.request_path like "/a*"',
      input({ context: { request_path: '/a' } }),
      input({ context: { request_path: '/b' } }),
    ],
    ['context.actor_claims has a', claims({ a: 1 }), claims({ a: null })],
    ['context.actor_claims has a', claims({ a: false }), claims({ b: false })],
    ['context.actor_claims has a.b', claims({ a: { b: 1 } }), claims({ a: { c: 1 } })],
    ['context.actor_claims.a == 1', claims({ a: 1 }), claims({ a: '1' })],
    ['context.actor_claims.a == true', claims({ a: true }), claims({ a: 'true' })],
    ['context.actor_claims.a == "a"', claims({ a: 'a' }), claims({ a: ['a'] })],
    ['context.actor_claims.a == ["a,b"]', claims({ a: ['a,b'] }), claims({ a: ['a', 'b'] })],
    ['context.actor_claims.a == ""', claims({ a: '' }), claims({ a: [] })],
    [
      'principal in (if context.challenge_resolved then Group::"g" else Group::"h")',
      input({ principal: { groups: ['g'] }, context: { challenge_resolved: true } }),
      input({ principal: { groups: ['g'] } }),
    ],
    // The first is false, the others are errors.
    ['!(context.actor_claims has a.b)', claims({ a: {} }), claims({ a: 'x' })],
    ['!(context.actor_claims has a.b)', claims({ a: {} }), claims({ a: ['b'] })],
    ['!(context.actor_claims has a.b)', claims({ a: {} }), claims({ a: 0 })],
    // A member of it is read before the value itself.
    [
      'if context.challenge_resolved then context.actor_claims.a.b else context.actor_claims.a == "x"',
      claims({ a: 'x' }),
      claims({ a: 'y' }),
    ],
    [
      'context.actor_claims["__proto__"] == 1',
      claims(JSON.parse('{"__proto__":1}')),
      claims(JSON.parse('{"__proto__":2}')),
    ],
  ])('has what is read: %s', (condition, one, other) => {
    const compiled = set(`permit(principal, action, resource) when {${condition}};`);
    const [first, second] = [one, other].map((each) => new Inquiry(compiled, each).key());
    expect(first).toEqual(expect.any(String));
    expect(second).toEqual(expect.any(String));
    expect(first).not.toBe(second);
    expect(evaluate(compiled, one).decision).not.toBe(evaluate(compiled, other).decision);
  });

  test('does not take two values for one, wherever they end', () => {
    const condition = 'context.actor_claims.a == "x" && context.actor_claims.b == "y"';
    const keys = [
      claims({ a: 'x', b: 'y' }),
      claims({ a: 'x","y', b: '' }),
      claims({ a: 'x' }),
      claims({ b: 'x' }),
      claims({ a: ['x', 'y'] }),
      claims({ a: '', b: 'x","y' }),
      claims({ a: ['x'], b: 'y' }),
    ].map((each) => keyOf(condition, each));
    expect(new Set(keys).size).toBe(keys.length);
  });

  test('has nothing that is not read', () => {
    const condition = 'context.actor_claims.a == 1 && !(context has subject_claims)';
    const one = keyOf(condition, claims({ a: 1 }));
    const other = input({
      principal: { id: 'app-2', labels: ['x'], groups: ['g'] },
      resource: { id: 'res-2', identifier: 'https://other.example', scopes: [] },
      session: { id: 's' },
      context: {
        actor_claims: { a: 1, b: 2 },
        requested_scopes: [],
        time: { epoch: 1, hour: 1, minute: 1, weekday: 1 },
      },
    });
    expect(one).toEqual(expect.any(String));
    expect(keyOf(condition, other)).toBe(one);
  });

  test('tells which policies can match', () => {
    const compiled = set(
      'permit(principal == Application::"app-1", action, resource);',
      'permit(principal, action, resource == Resource::"r");',
      'permit(principal, action, resource) when { false };',
    );
    const asked = ['app-1', 'app-2', 'app-3'].flatMap((id) =>
      ['r', 's', 't'].map((identifier) => input({ principal: { id }, resource: { identifier } })),
    );
    const keys = asked.map((each) => new Inquiry(compiled, each).key());
    // app-2 and app-3 are the same to all of them, as s and t are.
    expect(new Set(keys).size).toBe(4);
    for (const [n, each] of asked.entries()) {
      const alike = asked.filter((_, m) => keys[m] === keys[n]);
      for (const other of alike)
        expect(evaluate(compiled, other)).toEqual(evaluate(compiled, each));
    }
  });

  test.each<[string, PolicyInput]>([
    ['a record as a whole', claims({ a: { b: 1 } })],
    ['a set of records', claims({ a: [{ b: 1 }] })],
    ['a set of sets', claims({ a: [[1]] })],
    ['a number with a fraction', claims({ a: 1.5 })],
    ['a number that is no safe integer', claims({ a: 2 ** 60 })],
    ['the zero that JSON takes for another', claims({ a: -0 })],
    ['a long text', claims({ a: 'x'.repeat(5_000) })],
  ])('is none for %s', (_, asked) => {
    expect(keyOf('context.actor_claims.a == 1', asked)).toBeUndefined();
    expect(keyOf('context.actor_claims has a', asked)).toEqual(expect.any(String));
  });

  test.each<[string, PolicyInput]>([
    ['has no Unicode', claims({ unread: '\ud800' })],
    ['has a name that is no Unicode', claims({ '\udc00': 1 })],
    ['is nested too deep', claims({ unread: nested(40) })],
    ['is too large', claims({ unread: 'x'.repeat(33_000) })],
    ['has an unknown principal', input({ principal: JSON.parse('{"type":"Group"}') })],
  ])('is none for an input that %s, whatever is read', (_, asked) => {
    expect(keyOf('true', asked)).toBeUndefined();
    expect(evaluate(set('permit(principal, action, resource);'), asked).evaluationStatus).toBe(
      'error',
    );
  });

  test('is none where one policy that can match reads what is not known', () => {
    const compiled = set(
      'permit(principal, action, resource);',
      'forbid(principal == Application::"app-1", action, resource) when { context.time.hour > 5 };',
    );
    const [mine, others] = ['app-1', 'app-2'].map((id) =>
      new Inquiry(compiled, input({ principal: { id } })).key(),
    );
    expect(mine).toBeUndefined();
    expect(others).toEqual(expect.any(String));
  });

  test('is none where too much is read', () => {
    const reads = (count: number) =>
      Array.from({ length: count }, (_, n) => `context.actor_claims has a${n}`).join(' || ');
    expect(keyOf(reads(32), input())).toEqual(expect.any(String));
    const many = ['a', 'b', 'c'].map(
      (claim) =>
        `permit(principal, action, resource) when {${reads(30).replaceAll(' a', ` ${claim}`)}};`,
    );
    expect(new Inquiry(set(...many), input()).key()).toBeUndefined();
  });
});

test('what the inputs of a request share is converted once', () => {
  let reads = 0;
  const { context, principal, ...rest } = input();
  const counted = {
    ...context,
    get requested_scopes() {
      reads += 1;
      return ['read'];
    },
  };
  const inputs = ['r', 's', 't'].map((identifier) => ({
    ...rest,
    principal,
    context: counted,
    resource: { ...rest.resource, identifier },
  }));
  const compiled = set('permit(principal, action, resource);');
  const inquiries = inquire(compiled, inputs);
  reads = 0;
  const requests = inquiries.map((inquiry) => inquiry.request());
  expect(reads).toBe(1);
  expect(requests.map(({ resource }) => resource)).toMatchObject([
    { id: 'r' },
    { id: 's' },
    { id: 't' },
  ]);
  expect(requests).toEqual(inputs.map((each) => new Inquiry(compiled, each).request()));
  // Another context is another one.
  const [first, second] = inquire(compiled, [input(), claims({ other: 1 })]);
  expect(first?.request().context).not.toEqual(second?.request().context);
});

test('what a decision may cost has each question in it that is put to the engine', async () => {
  const heavy = (count: number) => `[${Array(count).fill('context').join()}].contains(1)`;
  const anyone = (start: string, condition: string) =>
    `${start}(principal, action, resource) when { ${condition} };`;
  const large = `"${'x'.repeat(20 * 1_024)}" != "y" && !${heavy(100)}`;
  for (const policies of [
    [anyone('permit', large)],
    [anyone('permit', large), anyone('permit', large)],
    [anyone('permit', large), anyone('@step_up("mfa") forbid', 'true')],
    // The second part has no step-up, and is asked again all the same.
    [anyone('@step_up("mfa") forbid', large), anyone('permit', large)],
  ]) {
    const compiled = set(...policies);
    const [inquiry] = inquire(compiled, [input()]);
    if (inquiry === undefined) throw new Error('nothing was asked');
    let cost = 0;
    await evaluateElsewhere(inquiry, async (questions) => {
      for (const { policies: asked } of questions) {
        const calls = costOfCalls(1);
        cost += calls.fixed + calls.perByte * inquiry.bytes;
        for (const { text } of asked.policies) cost += costOfText(text, inquiry.bytes);
      }
      return questions.map(({ policies: asked, request }) => ask(asked, request));
    });
    expect(inquiry.weigh()).toBeGreaterThanOrEqual(cost);
    const { fixed, perByte } = heaviest(compiled);
    expect(fixed + perByte * inquiry.bytes).toBeGreaterThanOrEqual(cost);
  }
});

function costOfText(text: string, bytes: number): number {
  const parsed = withCedar((cedar) => cedar.policyToJson(text));
  if (parsed.type === 'failure') throw new Error('it does not parse');
  const { fixed, perByte } = costOf(parsed.json);
  return fixed + perByte * bytes;
}
