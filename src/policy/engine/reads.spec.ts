import { describe, expect, test } from 'vitest';
import { withCedar } from './engine.js';
import { readsOf } from './reads.js';

/** What is read, as `value context.a.b`; `null` if it is not known. */
function reads(policy: string, isStepUp = false): string[] | null {
  const parsed = withCedar((cedar) => cedar.policyToJson(policy));
  if (parsed.type === 'failure') throw new Error(`not Cedar: ${policy}`);
  const all = readsOf(parsed.json, isStepUp);
  return all && [...new Set(all.map(([what, ...path]) => `${what} ${path.join('.')}`))].toSorted();
}

const when = (condition: string) =>
  reads(`permit(principal, action, resource) when {${condition}};`);

const TYPE = 'value principal.type';
const ID = 'value principal.id';
const GROUPS = 'value principal.groups';
const IDENTIFIER = 'value resource.identifier';

describe('what a policy reads', () => {
  test.each([
    ['principal, action, resource', []],
    ['principal, action == Action::"TokenExchange", resource', []],
    ['principal, action in [Action::"TokenExchange"], resource', []],
    ['principal == User::"u", action, resource', [ID, TYPE]],
    ['principal is User, action, resource', [TYPE]],
    ['principal in Group::"g", action, resource', [GROUPS, ID, TYPE]],
    ['principal is User in Group::"g", action, resource', [GROUPS, ID, TYPE]],
    ['principal, action, resource == Resource::"r"', [IDENTIFIER]],
    ['principal, action, resource in Resource::"r"', [IDENTIFIER]],
    ['principal, action, resource is Resource', []],
    ['principal, action, resource is Resource in Resource::"r"', [IDENTIFIER]],
  ])('in its scope: (%s)', (scope, expected) => {
    expect(reads(`permit(${scope});`)).toEqual(expected);
  });

  test.each([
    ['true', []],
    ['principal.zone_id == "z"', ['value principal.zone_id']],
    ['principal.groups.contains("g")', [GROUPS]],
    ['principal["a b"] like "x*"', ['value principal.a b']],
    ['!(principal has labels)', ['presence principal.labels']],
    ['principal has a.b', ['presence principal.a.b']],
    ['resource.scopes.isEmpty()', ['value resource.scopes']],
    ['resource.revocation == "feed"', ['value resource.revocation']],
    ['resource has revocation', ['presence resource.revocation']],
    ['context.challenge_resolved', ['value context.challenge_resolved']],
    ['context has subject_claims.act.sub', ['presence context.subject_claims.act.sub']],
    ['context.subject_claims has sub', ['presence context.subject_claims.sub']],
    ['context.session.id == context.session_id', ['value context.session_id', 'value session.id']],
    ['context has delegation_edge', ['presence delegation_edge']],
    ['principal == Application::"a"', [ID, TYPE]],
    ['principal is User', [TYPE]],
    ['principal in [Group::"a", Group::"b"]', [GROUPS, ID, TYPE]],
    ['principal is User in Group::"g"', [GROUPS, ID, TYPE]],
    [
      'principal in (if context.a then Group::"a" else Group::"b")',
      ['value context.a', GROUPS, ID, TYPE],
    ],
    ['resource is Resource in [Resource::"r", principal]', [ID, TYPE, IDENTIFIER]],
    ['action in (if context.a then Action::"a" else Action::"b")', ['value context.a']],
    ['[principal, resource].contains(User::"u")', [ID, TYPE, IDENTIFIER]],
    [
      '(if context.a then principal else resource) == User::"u"',
      ['value context.a', ID, TYPE, IDENTIFIER],
    ],
    ['{a: context.b, "c d": [context.e]} == {a: 1}', ['value context.b', 'value context.e']],
    [
      '-context.a + 1 * context.b - 2 >= context.c',
      ['value context.a', 'value context.b', 'value context.c'],
    ],
    [
      'context.a || context.b && context.c != 1',
      ['value context.a', 'value context.b', 'value context.c'],
    ],
    [
      '[1].containsAll(context.a) && context.b.containsAny([2])',
      ['value context.a', 'value context.b'],
    ],
    ['ip(context.a).isInRange(ip("10.0.0.0/8"))', ['value context.a']],
    ['decimal(context.a).lessThan(decimal("1.0"))', ['value context.a']],
    [
      'datetime(context.a).offset(duration("1h")) < datetime(context.b)',
      ['value context.a', 'value context.b'],
    ],
  ])('in its conditions: %s', (condition, expected) => {
    expect(when(condition)).toEqual(expected.toSorted());
    expect(when(`true && !(${condition})`)).toEqual(expected.toSorted());
  });

  test('of a step-up is whether there is the challenge, too', () => {
    expect(reads('forbid(principal, action, resource);', true)).toEqual([
      'value context.challenge_resolved',
    ]);
  });

  test('of all its conditions', () => {
    const policy = 'permit(principal, action, resource) when { context.a } unless { context.b };';
    expect(reads(policy)).toEqual(['value context.a', 'value context.b']);
  });
});

describe('it is not known what a policy reads', () => {
  test.each([
    ['the time', 'context.time.hour < 18'],
    ['whether there is a time', 'context has time.hour'],
    ['the time, in a record', '{"__proto__": context.time.hour} == {"__proto__": 1}'],
    ['all of the context', 'context == {a: 1}'],
    ['all of the context, in a set', '[context].contains({a: 1})'],
    ['a member of what is made first', '{a: context.b}.a == 1'],
    ['a member of one entity or another', '(if context.a then principal else resource).id == "x"'],
    [
      'whether one of several has a member',
      '(if context.a then principal else resource) has labels',
    ],
    ['a member of an entity by its name', 'User::"u".zone_id == "z"'],
    ['what an entity is in, by its name', 'User::"u" in Group::"g"'],
    ['what a value is in', 'context.a in Group::"g"'],
    ['whether a value is an entity', 'context.a is User'],
    ['what one of several is in', '(if context.a then principal else resource) in Group::"g"'],
    ['a tag', 'principal.hasTag("t") && principal.getTag("t") == 1'],
    ['a member of the action', 'action.a == 1'],
    ['a member that resources do not have', 'resource has type'],
    ['a member that has another name in the input', 'context.actor_claims["___entity"] == 1'],
    ['what is called as its type', 'principal has type'],
  ])('that reads %s', (_, condition) => {
    expect(when(condition)).toBeNull();
    expect(
      when(`context.a && [1, if context.b then (${condition}) else false].contains(true)`),
    ).toBeNull();
  });

  test('where there is a form of expression that is not known here', () => {
    const parsed = withCedar((cedar) => cedar.policyToJson('permit(principal, action, resource);'));
    if (parsed.type === 'failure') throw new Error('not Cedar');
    const { json } = parsed;
    const body: object = { now: [] };
    for (const odd of [body, { ...body, Value: 1 }, {}, { Slot: '?principal' }, [], null]) {
      const conditions = [{ kind: 'when', body: odd }] as unknown as typeof json.conditions;
      expect(readsOf({ ...json, conditions }, false)).toBeNull();
    }
    expect(readsOf(Object.assign({ cache: false }, json), false)).toBeNull();
    expect(readsOf({ ...json, principal: { op: '==', slot: '?principal' } }, false)).toBeNull();
  });
});
