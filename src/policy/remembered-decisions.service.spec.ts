import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { evaluate, release } from './engine/evaluate.js';
import type { JsonValue, PolicyInput } from './engine/input.js';
import { inquire } from './engine/inquiry.js';
import { input, nested, set } from './policy.fixture.js';
import { remembering } from './remembering.fixture.js';

const PERMIT = 'permit(principal, action, resource);';

/** Random sets and inputs; `POLICY_RUNS=500` for the whole proof. */
const RUNS = Number(process.env['POLICY_RUNS'] ?? 150);

/** Usually the first, so that many inputs are alike in what is read of them. */
const mostly = <T>(usual: T, ...others: readonly T[]): fc.Arbitrary<T> =>
  fc.oneof({ weight: 9, arbitrary: fc.constant(usual) }, fc.constantFrom(...others));

/** What a claim may be instead of what is expected. */
const ODD: readonly JsonValue[] = [
  null,
  true,
  0,
  -0,
  1.5,
  '1.5',
  2 ** 60,
  '',
  'ada',
  ['ada'],
  ['ada', null],
  [['ada']],
  [-0],
  { sub: 'ada' },
  { ada: { sub: 1 } },
  '10.0.0.1',
];
const claim = (...values: readonly JsonValue[]): fc.Arbitrary<JsonValue> =>
  fc.oneof({ weight: 19, arbitrary: mostly(...(values as [JsonValue])) }, fc.constantFrom(...ODD));

/** What no policy reads and Cedar may refuse all the same. */
const UNREAD: readonly JsonValue[] = [
  'ok',
  '\ud800',
  nested(40),
  'x'.repeat(33_000),
  { '\udc00': 1 },
];

const context = fc
  .record({
    sub: claim('ada', 'bob', '10.0.0.1', '1.5'),
    act: claim({ sub: 'bot' }, { sub: 'ada' }, { act: { sub: 'bot' } }, {}),
    exp: claim(3, 4, -3),
    labels: claim(['ada'], ['ada', 'bob'], ['bob', 'ada'], []),
    proto: claim('ada', 'bob'),
    entity: claim('ada', 'bob'),
    subject: mostly(true, false),
    requested_scopes: mostly(['read'], [], ['read', 'write'], ['write', 'read']),
    challenge_resolved: fc.boolean(),
    request_path: mostly('/a', '/b', undefined),
    requested_ttl_seconds: mostly(3, 4, undefined),
    session_id: mostly('s', 't', undefined),
    hour: fc.integer({ min: 0, max: 2 }),
    unread: claim('ok', 'fine').chain((usual) => mostly<JsonValue>(usual, ...UNREAD)),
  })
  .map(({ sub, act, exp, labels, proto, entity, subject, hour, unread, ...rest }) => ({
    ...rest,
    actor_claims: { ...JSON.parse(`{"__proto__":0}`), ['__entity']: entity, sub: proto, unread },
    ...(subject && { subject_claims: { sub, act, exp, labels } }),
    time: { epoch: hour * 3_600, hour, minute: 0, weekday: 1 },
  }))
  .map(({ actor_claims, ...rest }) => {
    // An own member of that name, as a claim set may have.
    Object.defineProperty(actor_claims, '__proto__', { value: actor_claims.sub, enumerable: true });
    return { ...rest, actor_claims };
  });

const optionalText = mostly<string | undefined>('x', 'y', undefined);
const EDGE = {
  id: 'e',
  source_session_id: 'a',
  target_session_id: 'b',
  issuer_application_id: 'i',
  receiver_application_id: 'r',
  scopes: ['read'],
  path: ['a', 'b'],
  graph_epoch: 3,
};

/** One request: the resources share all but themselves. */
const request: fc.Arbitrary<PolicyInput[]> = fc
  .record({
    principal: fc.record({
      type: mostly<'Application' | 'User'>('Application', 'User'),
      id: mostly('app-1', 'app-2', 'ada'),
      zone_id: mostly('zone-1', 'zone-2'),
      registration_method: optionalText,
      labels: mostly<string[] | undefined>(['ada'], ['ada', 'bob'], [], undefined),
      groups: mostly<string[] | undefined>(['g'], ['g', 'h'], [], undefined),
    }),
    session: mostly<PolicyInput['session']>({ id: 's' }, { id: 't' }, undefined),
    delegation_edge: mostly<PolicyInput['delegation_edge']>(
      undefined,
      EDGE,
      { ...EDGE, graph_epoch: 4 },
      { ...EDGE, constraints_json: { max: 3 } },
    ),
    context,
    resources: fc.array(
      fc.record({
        id: mostly('res-1', 'res-2'),
        identifier: mostly('https://api.example.com', 'res-1'),
        scopes: mostly(['read', 'write'], ['read'], []),
      }),
      { minLength: 1, maxLength: 3 },
    ),
  })
  .map(({ resources, ...shared }) => {
    const { principal, context: about, ...rest } = input(shared as Parameters<typeof input>[0]);
    return resources.map((resource) => ({
      ...rest,
      principal,
      context: about,
      resource: { type: 'Resource' as const, ...resource },
    }));
  });

const TEXTS = [
  'principal.id',
  'principal.zone_id',
  'principal.registration_method',
  'resource.id',
  'resource.identifier',
  'context.session_id',
  'context.session.id',
  'context.request_path',
  'context.subject_claims.sub',
  'context.subject_claims.act.sub',
  'context.subject_claims.act.act.sub',
  'context.actor_claims["__proto__"]',
  'context.actor_claims["___entity"]',
  'context.delegation_edge.id',
];
const NUMBERS = [
  'context.requested_ttl_seconds',
  'context.subject_claims.exp',
  'context.delegation_edge.graph_epoch',
  'context.delegation_edge.constraints_json.max',
  'context.time.hour',
  '3',
];
const SETS = [
  'principal.labels',
  'principal.groups',
  'resource.scopes',
  'context.requested_scopes',
  'context.subject_claims.labels',
  'context.delegation_edge.path',
  '["ada", "read"]',
];
const VALUES = ['"ada"', '"s"', '"x"', '3', '["ada"]', '["read"]', 'User::"ada"', '{sub: "ada"}'];
const ENTITIES = ['Application::"app-1"', 'User::"ada"', 'Resource::"res-1"', 'Group::"g"'];
/** Whatever there is beside: each of it on its own terms. */
const OTHERS = [
  'true',
  'false',
  'context.challenge_resolved',
  'context has time.hour',
  'principal == principal',
  'context == context',
  '[context].contains(context)',
  '(if context.challenge_resolved then principal else resource) == Application::"app-1"',
  '(if context.challenge_resolved then principal else resource).id == "res-1"',
  'Application::"app-1" in Group::"g"',
  'Application::"app-1".zone_id == "zone-1"',
  'Application::"app-1" has labels',
  'principal has type || resource has type',
  'principal.hasTag("t")',
  'action == Action::"TokenExchange"',
  'principal == resource',
  '[principal, resource].contains(User::"ada")',
  '{"__proto__": context.time.hour} == {"__proto__": 1}',
  'context.actor_claims has "__proto__"',
];

const text = fc.constantFrom(...TEXTS);
const number = fc.constantFrom(...NUMBERS);
const list = fc.constantFrom(...SETS);
const value = fc.constantFrom(...VALUES);
const entity = fc.constantFrom(...ENTITIES);
const anything = fc.oneof(text, number, list, value);

/** A condition behind the question whether what it reads is there, so that few err. */
const guarded = (condition: string, ...read: string[]) => {
  const questions = read.flatMap((path) => {
    const attributes = /^(context|principal)\.([\w.]+)$/.exec(path);
    return attributes === null ? [] : `${attributes[1]} has ${attributes[2]} && `;
  });
  return `(${questions.join('')}${condition})`;
};

const simple: fc.Arbitrary<string> = fc.oneof(
  fc.tuple(text, anything).map(([a, b]) => guarded(`${a} == ${b}`, a, b)),
  fc.tuple(anything, anything).map(([a, b]) => guarded(`${a} != ${b}`, a)),
  fc
    .tuple(anything, text)
    .map(([a, b]) => guarded(`{a: ${a}, b: ${b}} == {a: ${a}, b: "ada"}`, a, b)),
  fc.tuple(anything, anything).map(([a, b]) => guarded(`{a: ${a}, b: 1}.a == ${b}`, a, b)),
  text.map((a) => guarded(`${a} like "a*"`, a)),
  text.map((a) => guarded(`${a} like "10.*" && ip(${a}).isInRange(ip("10.0.0.0/8"))`, a)),
  text.map((a) => guarded(`${a} like "1.5" && decimal(${a}).lessThan(decimal("2.0"))`, a)),
  fc.tuple(number, number).map(([a, b]) => guarded(`-${a} + 1 * 2 < ${b} - 7`, a, b)),
  fc.tuple(list, anything).map(([a, b]) => guarded(`${a}.contains(${b})`, a, b)),
  fc.tuple(list, list).map(([a, b]) => guarded(`${a}.containsAll(${b})`, a, b)),
  fc.tuple(list, list).map(([a, b]) => guarded(`[${a}].containsAny([${b}])`, a, b)),
  list.map((a) => guarded(`${a}.isEmpty()`, a)),
  fc
    .constantFrom('principal', 'context', 'context.subject_claims', 'context.subject_claims.act')
    .chain((left) =>
      fc
        .constantFrom('sub', 'act', 'labels', 'session', 'delegation_edge', 'act.act.sub')
        .map((name) => guarded(`${left} has ${name}`, left)),
    ),
  fc.tuple(fc.constantFrom('principal', 'resource'), entity).map(([a, b]) => `${a} == ${b}`),
  fc.tuple(fc.constantFrom('principal', 'resource'), entity).map(([a, b]) => `${a} in [${b}]`),
  fc.constantFrom('is User', 'is Application in Group::"g"').map((is) => `principal ${is}`),
  fc.constantFrom(...OTHERS),
);

const { condition } = fc.letrec<{ condition: string }>((tie) => ({
  condition: fc.oneof(
    { maxDepth: 3 },
    { weight: 6, arbitrary: simple },
    tie('condition').map((a) => `!(${a})`),
    fc.tuple(tie('condition'), tie('condition')).map(([a, b]) => `(${a} && ${b})`),
    fc.tuple(tie('condition'), tie('condition')).map(([a, b]) => `(${a} || ${b})`),
    fc
      .tuple(tie('condition'), tie('condition'), tie('condition'))
      .map(([a, b, c]) => `(if ${a} then ${b} else ${c})`),
  ),
}));

const policy = fc
  .record({
    start: fc.constantFrom(
      'permit',
      'permit',
      '@max_ttl("60") @reason("r") permit',
      'forbid',
      '@step_up("mfa") forbid',
      '@step_up("human") forbid',
    ),
    principal: mostly(
      '',
      ' == Application::"app-1"',
      ' == User::"ada"',
      ' in Group::"g"',
      ' is User',
      ' is Application in Group::"h"',
    ),
    action: mostly('', ' == Action::"TokenExchange"', ' in [Action::"TokenExchange"]'),
    resource: mostly('', ' == Resource::"res-1"', ' in Resource::"res-1"', ' is Resource'),
    when: fc.constantFrom('when', 'unless'),
    condition,
  })
  .map(
    (each) =>
      `${each.start}(principal${each.principal}, action${each.action}, resource${each.resource}) ${each.when} { ${each.condition} };`,
  );

describe('what is remembered', () => {
  test('is what would be decided now, whatever the policies and the inputs', async () => {
    const seen = new Set<string>();
    let hits = 0;
    const cases = fc.tuple(
      fc.array(policy, { minLength: 1, maxLength: 3 }),
      fc.array(request, { minLength: 2, maxLength: 12 }),
      fc.boolean(),
    );
    await fc.assert(
      fc.asyncProperty(cases, async ([some, requests, permitted]) => {
        const compiled = set(...some, ...(permitted ? [PERMIT] : []));
        const { decisions, from, checked } = remembering();
        for (const inputs of requests) {
          const expected = inputs.map((each) => evaluate(compiled, each));
          expect(await decisions.decide('zone', compiled, inputs)).toEqual(expected);
          for (const { decision, evaluationStatus } of expected) {
            seen.add(`${decision} ${evaluationStatus}`);
          }
        }
        hits += await from('memory');
        expect(await checked('different')).toBe(0);
        release(compiled);
      }),
      { numRuns: RUNS },
    );
    // Otherwise the property has not looked at everything.
    expect([...seen].toSorted()).toEqual([
      'allow complete',
      'deny complete',
      'deny error',
      'step_up complete',
    ]);
    // Hardly two inputs are equal: these were alike in what is read of them.
    expect(hits).toBeGreaterThan(RUNS);
  });

  test('is put together with what is decided now, in the order of the request', async () => {
    const compiled = set(
      '@id("a") permit(principal, action, resource == Resource::"a");',
      '@id("b") permit(principal, action, resource == Resource::"b") when { context.time.hour < 24 };',
      '@id("c") forbid(principal, action, resource == Resource::"c");',
    );
    const { decisions, from } = remembering();
    const ask = (...identifiers: string[]) =>
      decisions.decide(
        'zone',
        compiled,
        identifiers.map((identifier) =>
          input({
            resource: { identifier },
            context: { time: { epoch: 0, hour: 0, minute: 0, weekday: 1 } },
          }),
        ),
      );
    await ask('c', 'a');
    expect([await from('memory'), await from('cedar')]).toEqual([0, 2]);
    const verdicts = await ask('d', 'c', 'b', 'a', 'b');
    expect([await from('memory'), await from('cedar')]).toEqual([2, 5]);
    expect(verdicts.map(({ determiningPolicies }) => determiningPolicies[0]?.policy)).toEqual([
      undefined,
      'c',
      'b',
      'a',
      'b',
    ]);
  });
});

describe('a sample of what is remembered', () => {
  const compiled = () => set(PERMIT);

  test('is made again, after the answer, one in so many', async () => {
    const { decisions, checked, logged } = remembering();
    const permit = compiled();
    decisions.checkEvery = 3;
    await decisions.decide('zone', permit, [input()]);
    for (let recalled = 1; recalled <= 10; recalled += 1) {
      await decisions.decide('zone', permit, [input()]);
      await expect.poll(() => checked('same')).toBe(Math.ceil(recalled / 3));
    }
    expect([await checked('different'), logged]).toEqual([0, []]);
  });

  test('that differs is counted and logged, and nothing is remembered of that set any more', async () => {
    const { decisions, checked, logged, from } = remembering();
    const [forbid, other] = [set('@id("no") forbid(principal, action, resource);'), compiled()];
    for (const each of [forbid, other]) await decisions.decide('zone', each, [input()]);
    // As if what the policy reads had not all been in the key.
    const key = inquire(forbid, [input()])[0]?.key() ?? '';
    decisions.memory.remember(forbid, key, evaluate(other, input()));
    expect(await decisions.decide('zone-1', forbid, [input()])).toMatchObject([
      { decision: 'allow' },
    ]);
    await expect.poll(() => checked('different')).toBe(1);
    expect(logged).toHaveLength(1);
    expect(JSON.parse(logged[0] ?? '')).toMatchObject({
      zone_id: 'zone-1',
      manifest_sha256: forbid.manifestSha256,
      remembered: { decision: 'allow' },
      made: { decision: 'deny', determiningPolicies: [{ policy: 'no' }] },
    });
    const asked = await from('cedar');
    for (let count = 1; count <= 3; count += 1) {
      expect(await decisions.decide('zone', forbid, [input()])).toMatchObject([
        { decision: 'deny' },
      ]);
      expect(await from('cedar')).toBe(asked + count);
    }
    const remembered = await from('memory');
    await decisions.decide('zone', other, [input()]);
    expect(await from('memory')).toBe(remembered + 1);
  });
});
