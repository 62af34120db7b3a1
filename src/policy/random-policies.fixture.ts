/** Random policies and inputs: of few values, so that many inputs are alike in what is read of them. */
import * as fc from 'fast-check';
import type { JsonValue, PolicyInput } from './engine/input.js';
import { input, nested } from './policy.fixture.js';

const PERMIT = 'permit(principal, action, resource);';

/** Three times of four the first. */
const mostly = <T>(usual: T, ...others: readonly T[]): fc.Arbitrary<T> =>
  fc.oneof({ weight: 3, arbitrary: fc.constant(usual) }, fc.constantFrom(...others));

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
  '10.0.0.1',
  ['ada'],
  ['ada', null],
  [['ada']],
  [-0],
  { sub: 'ada' },
  { ada: { sub: 1 } },
];
const claim = (usual: JsonValue, ...others: readonly JsonValue[]): fc.Arbitrary<JsonValue> =>
  fc.oneof({ weight: 19, arbitrary: mostly(usual, ...others) }, fc.constantFrom(...ODD));

/** What no policy reads, and Cedar refuses all the same. */
const REFUSED: readonly JsonValue[] = ['\ud800', nested(40), 'x'.repeat(33_000), { '\udc00': 1 }];

const actorClaims = fc
  .record({
    proto: claim('ada', 'bob'),
    ___entity: claim('bob', 'ada'),
    __entity: claim('ada', 'bob'),
    unread: fc.oneof(
      { weight: 19, arbitrary: fc.constantFrom<JsonValue>(1, 2, 3) },
      fc.constantFrom(...REFUSED),
    ),
  })
  .map(({ proto, ...claims }) =>
    // An own member of that name, as a claim set may have.
    Object.defineProperty(claims, '__proto__', { value: proto, enumerable: true }),
  );

const subjectClaims = fc.record({
  sub: claim('ada', 'bob', '10.0.0.1', '1.5'),
  act: claim({ sub: 'ada' }, { sub: 'bob' }, { sub: 'ada', act: { sub: 'ada' } }, {}),
  exp: claim(3, 4, -3),
  labels: claim(['ada'], ['ada', 'bob'], ['bob', 'ada'], []),
});

const context = fc
  .record({
    actor_claims: actorClaims,
    subject_claims: fc.option(subjectClaims, { freq: 4, nil: undefined }),
    requested_scopes: mostly(['read'], [], ['read', 'write'], ['write', 'read']),
    challenge_resolved: fc.boolean(),
    request_path: mostly<string | undefined>('ada', 'bob', undefined),
    requested_ttl_seconds: mostly<number | undefined>(3, 4, undefined),
    session_id: mostly<string | undefined>('ada', 'bob', undefined),
    hour: fc.integer({ min: 3, max: 5 }),
  })
  .map(({ hour, ...rest }) => ({
    ...rest,
    time: { epoch: hour * 3_600, hour, minute: 0, weekday: 1 },
  }));

const EDGE = {
  id: 'ada',
  source_session_id: 'a',
  target_session_id: 'b',
  issuer_application_id: 'i',
  receiver_application_id: 'r',
  scopes: ['ada'],
  path: ['ada'],
  graph_epoch: 3,
};

/** The inputs of one request: its resources share all but themselves. */
const request: fc.Arbitrary<PolicyInput[]> = fc
  .record({
    action: fc
      .oneof(
        { weight: 9, arbitrary: fc.constant('TokenExchange' as const) },
        fc.constant('Introspect' as const),
      )
      .map((id) => ({ id })),
    principal: fc.record({
      type: mostly<'Application' | 'User'>('Application', 'User'),
      id: mostly('app-1', 'app-2', 'ada'),
      zone_id: mostly('ada', 'bob'),
      registration_method: mostly<string | undefined>('ada', 'bob', undefined),
      labels: mostly<string[] | undefined>(['ada'], ['ada', 'bob'], [], undefined),
      groups: mostly<string[] | undefined>(['g'], ['h'], ['g', 'h'], [], undefined),
    }),
    session: mostly<PolicyInput['session']>({ id: 'ada' }, { id: 'bob' }, undefined),
    delegation_edge: mostly<PolicyInput['delegation_edge']>(
      EDGE,
      undefined,
      { ...EDGE, id: 'bob', graph_epoch: 4 },
      { ...EDGE, path: [], constraints_json: { max: 3 } },
    ),
    context,
    resources: fc.array(
      fc.record({
        id: mostly('ada', 'res-2'),
        identifier: mostly('res-1', 'res-2', 'ada'),
        scopes: mostly(['ada'], ['read'], []),
      }),
      { minLength: 1, maxLength: 3 },
    ),
  })
  .map(({ resources, ...shared }) => {
    const asked = Object.assign<PolicyInput, object>(input(), shared);
    return resources.map((resource) => ({ ...asked, resource: { type: 'Resource', ...resource } }));
  });

/** Random requests, with the inputs of each. */
export const requests = fc.array(request, { minLength: 6, maxLength: 14 });

const TEXTS = [
  'principal.zone_id',
  'principal.registration_method',
  'resource.id',
  'resource.identifier',
  'context.session_id',
  'context.session.id',
  'context.request_path',
  'context.subject_claims.sub',
  'context.subject_claims.act',
  'context.subject_claims.act.sub',
  'context.subject_claims.act.act.sub',
  'context.delegation_edge.id',
  'context.actor_claims["__proto__"]',
  'context.actor_claims["___entity"]',
];
const NUMBERS = [
  'context.requested_ttl_seconds',
  'context.subject_claims.exp',
  'context.time.hour',
  'context.delegation_edge.graph_epoch',
  'context.delegation_edge.constraints_json.max',
];
const SETS = [
  'principal.labels',
  'resource.scopes',
  'context.subject_claims.labels',
  'context.delegation_edge.path',
  'principal.groups',
  'context.requested_scopes',
];
const OPTIONAL = [
  'principal has labels',
  'principal has registration_method',
  'resource has revocation',
  'context has request_path',
  'context has session',
  'context has session_id',
  'context has delegation_edge',
  'context has subject_claims',
  'context has subject_claims.act.act.sub',
  'context has delegation_edge.constraints_json.max',
  'context.actor_claims has "__proto__"',
];
const ENTITIES = [
  'principal == Application::"app-1"',
  'principal == User::"ada"',
  'principal is User',
  'principal in Group::"g"',
  'principal in [Group::"g", Group::"x"]',
  'principal is Application in Group::"h"',
  'principal in (if context.challenge_resolved then Group::"g" else Group::"x")',
  'principal is Application in (if context.challenge_resolved then [Group::"g"] else [Group::"h"])',
  '[principal].contains(User::"ada")',
  'resource == Resource::"res-1"',
  'resource in [Resource::"res-1", Group::"g"]',
  '[principal, resource].contains(Resource::"ada")',
  'principal == resource',
  '(if context.challenge_resolved then principal else resource) == Application::"app-1"',
];
/** What there is beside, much of which no decision is remembered by. */
const OTHERS = [
  'true',
  'false',
  'context.challenge_resolved',
  'action == Action::"TokenExchange"',
  'action in [Action::"Introspect", principal]',
  'context has time.hour',
  'context == context',
  '[context].contains(context)',
  'principal has type || resource has type',
  'principal.hasTag("t")',
  'Application::"app-1" in Group::"g"',
  'Application::"app-1" has labels',
  '(if context.challenge_resolved then principal else resource).id == "ada"',
  '{"__proto__": context.time.hour} == {"__proto__": 3}',
];

const text = fc.constantFrom(...TEXTS);
const number = fc.constantFrom(...NUMBERS);
const list = fc.constantFrom(...SETS);
const anything = fc.oneof(text, number, list);

/** A condition behind the question whether what it reads is there, so that few err. */
function guarded(condition: string, ...read: readonly string[]): string {
  const questions = read.flatMap((path) => {
    const attributes = /^(context|principal)\.([\w.]+)$/.exec(path);
    return attributes === null ? [] : `${attributes[1]} has ${attributes[2]} && `;
  });
  return `(${questions.join('')}${condition})`;
}

/** Each is so of the usual input, and not of most others, or the other way round. */
const simple: fc.Arbitrary<string> = fc.oneof(
  { weight: 5, arbitrary: text.map((a) => guarded(`${a} == "ada"`, a)) },
  { weight: 3, arbitrary: fc.constantFrom(...OPTIONAL) },
  { weight: 3, arbitrary: fc.constantFrom(...ENTITIES) },
  { weight: 3, arbitrary: fc.constantFrom(...OTHERS) },
  text.map((a) => guarded(`${a} like "a*"`, a)),
  number.map((a) => guarded(`-${a} + 1 * 2 > -2`, a)),
  list.map((a) => guarded(`${a}.contains("ada")`, a)),
  list.map((a) => guarded(`!${a}.isEmpty() && ["ada", "read", "g"].containsAll(${a})`, a)),
  fc.tuple(list, list).map(([a, b]) => guarded(`[${a}].containsAny([${b}])`, a, b)),
  fc.tuple(anything, anything).map(([a, b]) => guarded(`${a} != ${b}`, a, b)),
  fc
    .tuple(anything, text)
    .map(([a, b]) => guarded(`{a: ${a}, b: ${b}} == {a: ${a}, b: "ada"}`, a, b)),
  fc.tuple(anything, anything).map(([a, b]) => guarded(`{a: ${a}, b: 1}.a == ${b}`, a, b)),
  text.map((a) => guarded(`${a} like "10.*" && ip(${a}).isInRange(ip("10.0.0.0/8"))`, a)),
  text.map((a) => guarded(`${a} like "1.5" && decimal(${a}).lessThan(decimal("2.0"))`, a)),
);

const { condition } = fc.letrec<{ condition: string }>((tie) => ({
  condition: fc.oneof(
    { maxDepth: 2 },
    { weight: 9, arbitrary: simple },
    tie('condition').map((a) => `!(${a})`),
    fc.tuple(tie('condition'), tie('condition')).map(([a, b]) => `(${a} && ${b})`),
    fc.tuple(tie('condition'), tie('condition')).map(([a, b]) => `(${a} || ${b})`),
    fc
      .tuple(tie('condition'), tie('condition'), tie('condition'))
      .map(([a, b, c]) => `(if ${a} then ${b} else ${c})`),
  ),
}));

const PRINCIPALS = [
  ' == Application::"app-1"',
  ' == User::"ada"',
  ' in Group::"g"',
  ' is User',
  ' is Application in Group::"h"',
];
const ACTIONS = [
  ' == Action::"TokenExchange"',
  ' in [Action::"TokenExchange"]',
  ' == Action::"Introspect"',
];
const RESOURCES = [' == Resource::"res-1"', ' in Resource::"res-1"', ' is Resource'];

const policy = fc
  .record({
    start: fc.constantFrom(
      'permit',
      '@max_ttl("60") @reason("r") permit',
      'forbid',
      '@step_up("mfa") forbid',
      '@step_up("human") forbid',
    ),
    principal: mostly('', ...PRINCIPALS),
    action: mostly('', ...ACTIONS),
    resource: mostly('', ...RESOURCES),
    when: fc.constantFrom('when', 'unless'),
    asked: condition,
  })
  .map(
    ({ start, principal, action, resource, when, asked }) =>
      `${start}(principal${principal}, action${action}, resource${resource}) ${when} { ${asked} };`,
  );

/** Random sets, as the texts of their policies. */
export const policies = fc
  .tuple(fc.array(policy, { minLength: 1, maxLength: 2 }), fc.boolean())
  .map(([some, permitted]) => (permitted ? [PERMIT, ...some] : some));
