import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compile } from './compile.js';
import { RESIDENT_SETS_LIMIT, residency, withCedar } from './engine.js';
import { evaluate, release } from './evaluate.js';
import type { JsonObject, PolicyInput } from './input.js';
import { EDGE, input, nested, set } from '../policy.fixture.js';

const PERMIT = 'permit(principal, action, resource);';
const FORBID = 'forbid(principal, action, resource);';
const MFA = `@step_up("mfa") ${FORBID}`;
const resolved = input({ context: { challenge_resolved: true } });

function decide(contents: string[], asked: PolicyInput) {
  return evaluate(set(...contents), asked).decision;
}

describe('evaluate', () => {
  test('denies when nothing permits', () => {
    expect(evaluate(compile([]), input())).toEqual({
      decision: 'deny',
      determiningPolicies: [],
      diagnostics: [],
      evaluationStatus: 'complete',
    });
  });

  test('allows what is permitted, and says why and for how long', () => {
    const permits = `@reason("b") @max_ttl("300") ${PERMIT} @max_ttl("60") ${PERMIT} ${PERMIT}`;
    expect(evaluate(set(permits), input())).toEqual({
      decision: 'allow',
      determiningPolicies: [
        { policy: 'm0.1', effect: 'permit', reason: 'b' },
        { policy: 'm0.2', effect: 'permit' },
        { policy: 'm0.3', effect: 'permit' },
      ],
      diagnostics: [],
      evaluationStatus: 'complete',
      maxTtlSeconds: 60,
    });
  });

  test('says which reasons may be shown', () => {
    const verdict = evaluate(set(`@reason("r") @public ${FORBID}`), input());
    expect(verdict.determiningPolicies).toEqual([
      { policy: 'm0', effect: 'forbid', reason: 'r', public: true },
    ]);
  });

  test('does not apply the cap of a permit that does not hold', () => {
    const other = `@max_ttl("60") permit(principal == User::"u", action, resource);`;
    expect(evaluate(set(PERMIT, other), input())).not.toHaveProperty('maxTtlSeconds');
  });

  test('sees every part of the input', () => {
    const everything = `permit(
      principal == Application::"app-1", action == Action::"TokenExchange",
      resource == Resource::"https://api.example.com"
    ) when {
      principal.zone_id == "zone-1" && principal.labels.contains("blue") &&
      resource.scopes.containsAll(context.requested_scopes) && resource.id == "res-1" &&
      context.actor_claims.sub == "app-1" && !(context has subject_claims) &&
      context.session.id == "s" && context.delegation_edge.graph_epoch > 3 &&
      context.delegation_edge.constraints_json.max == 2
    };`;
    const full = input({
      principal: { labels: ['blue'] },
      session: { id: 's' },
      delegation_edge: { ...EDGE, graph_epoch: 4, constraints_json: { max: 2 } },
    });
    expect(evaluate(set(everything), full).decision).toBe('allow');
  });

  test.each(['forbid', 'permit'])('denies when a %s cannot be evaluated', (effect) => {
    const erring = `${effect}(principal, action, resource) when { context.absent };`;
    expect(evaluate(set(PERMIT, erring), input())).toMatchObject({
      decision: 'deny',
      evaluationStatus: 'error',
      diagnostics: [{ policy: 'm1', message: expect.stringContaining('absent') }],
    });
  });

  describe('with a step-up', () => {
    test('asks for it if it alone stands in the way', () => {
      const verdict = evaluate(set(PERMIT, MFA), input());
      expect(verdict).toMatchObject({ decision: 'step_up', stepUp: 'mfa' });
      expect(verdict.determiningPolicies).toEqual([{ policy: 'm1', effect: 'forbid' }]);
    });

    test('lifts it once the challenge is resolved', () => {
      expect(evaluate(set(`@max_ttl("5") ${PERMIT}`, MFA), resolved)).toMatchObject({
        decision: 'allow',
        resolvedStepUp: 'mfa',
        determiningPolicies: [{ policy: 'm0', effect: 'permit' }],
        maxTtlSeconds: 5,
      });
    });

    test.each([
      ['nothing permits', [MFA]],
      ['another forbid has none', [PERMIT, MFA, FORBID]],
      ['two forbids want different ones', [PERMIT, MFA, `@step_up("human") ${FORBID}`]],
      ['a policy cannot be evaluated', [PERMIT, MFA, PERMIT.replace(';', 'when { context.x };')]],
    ])('denies, resolved or not, when %s', (_, contents) => {
      const compiled = set(...contents);
      for (const each of [input(), resolved]) {
        const verdict = evaluate(compiled, each);
        expect(verdict.decision).toBe('deny');
        expect(verdict).not.toHaveProperty('stepUp');
      }
    });

    test('takes only true for resolved', () => {
      const spoofed = input({ context: JSON.parse('{"challenge_resolved":"false"}') });
      expect(evaluate(set(PERMIT, MFA), spoofed).decision).toBe('step_up');
    });
  });

  test('claims do not become entities or extension values', () => {
    const compiled = set(
      'permit(principal, action, resource) when { context.actor_claims.sub == User::"root" };',
      'permit(principal, action, resource) when { context.actor_claims.sub == ip("10.0.0.1") };',
    );
    for (const sub of [
      { __entity: { type: 'User', id: 'root' } },
      { __extn: { fn: 'ip', arg: '10.0.0.1' } },
    ]) {
      const verdict = evaluate(compiled, input({ context: { actor_claims: { sub } } }));
      expect(verdict).toMatchObject({ decision: 'deny', evaluationStatus: 'complete' });
    }
  });

  test('survives any number of inputs that the engine would throw on', () => {
    const compiled = set(PERMIT);
    const bad = [{ sub: '\ud800' }, nested(500), { x: { __expr: 'principal' } }];
    for (let n = 0; n < 3000; n += 1) {
      evaluate(compiled, input({ context: { actor_claims: bad[n % bad.length] ?? {} } }));
    }
    expect(evaluate(compiled, input()).decision).toBe('allow');
  });
});

describe('laws', () => {
  const condition = fc.constantFrom(
    'true',
    'false',
    'context.requested_scopes.contains("read")',
    'context.challenge_resolved',
    'principal.zone_id == "zone-1"',
    'context has subject_claims',
  );
  const policy = (head: fc.Arbitrary<string>) =>
    fc
      .tuple(head, condition)
      .map(([start, when]) => `${start}(principal, action, resource) when { ${when} };`);
  const permit = policy(fc.constantFrom('permit', '@max_ttl("9") permit'));
  const stepUp = policy(fc.constantFrom('@step_up("mfa") forbid', '@step_up("human") forbid'));
  const plainForbid = policy(fc.constant('forbid'));
  const forbid = fc.oneof(stepUp, plainForbid);
  const policies = fc.array(fc.oneof(permit, permit, forbid), { maxLength: 6 });
  const inputs = fc
    .record({ challenge_resolved: fc.boolean(), requested_scopes: fc.subarray(['read', 'write']) })
    .map((context) => input({ context }));
  test('deny by default: forbids alone never allow', () => {
    fc.assert(
      fc.property(fc.array(forbid, { maxLength: 5 }), inputs, (contents, asked) => {
        expect(decide(contents, asked)).toBe('deny');
      }),
    );
  });

  test('forbid wins over any policies', () => {
    fc.assert(
      fc.property(policies, inputs, (contents, asked) => {
        expect(decide([...contents, FORBID], asked)).toBe('deny');
      }),
    );
  });

  // A permit that errs is left out: it denies, by intent.
  test('one permit more never turns allow into something else', () => {
    fc.assert(
      fc.property(policies, permit, inputs, (contents, more, asked) => {
        if (decide(contents, asked) === 'allow') {
          expect(decide([...contents, more], asked)).toBe('allow');
        }
      }),
    );
  });

  test('one forbid more never turns a denial or a step-up into allow', () => {
    fc.assert(
      fc.property(policies, forbid, inputs, (contents, more, asked) => {
        const before = decide(contents, asked);
        if (before !== 'allow') expect(decide([...contents, more], asked)).not.toBe('allow');
      }),
    );
  });

  test('resolving a challenge turns a step-up, and nothing else, into allow', () => {
    const unconditional = policies.map((all) => all.filter((each) => !each.includes('challenge')));
    fc.assert(
      fc.property(unconditional, (contents) => {
        const before = decide(contents, input());
        expect(decide(contents, resolved)).toBe(before === 'step_up' ? 'allow' : before);
      }),
    );
  });

  test('any claims at all have a verdict, and none that is an error', () => {
    const compiled = set(PERMIT, MFA.replace(';', 'when { context.actor_claims has mfa };'));
    const names = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom(
        '__entity',
        '__extn',
        '__expr',
        '__proto__',
        'toJSON',
        'type',
        'id',
        'fn',
        'arg',
      ),
    );
    const claims = fc.letrec<{ value: JsonObject[string]; object: JsonObject }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.double(),
          fc.maxSafeInteger(),
          fc.boolean(),
          fc.constant(null),
        ),
        fc.array(tie('value'), { maxLength: 4 }),
        tie('object'),
      ),
      object: fc.dictionary(names, tie('value'), { maxKeys: 4 }),
    })).object;
    fc.assert(
      fc.property(claims, (actor_claims) => {
        const verdict = evaluate(compiled, input({ context: { actor_claims } }));
        expect(verdict.evaluationStatus).toBe('complete');
      }),
      { numRuns: 500 },
    );
  });

  test('any JSON at all in place of the input has a verdict', () => {
    const compiled = set(PERMIT);
    fc.assert(
      fc.property(fc.jsonValue(), fc.string({ unit: 'binary' }), (json, id) => {
        const asked = JSON.parse(JSON.stringify(json));
        expect(evaluate(compiled, asked).decision).toBe('deny');
        const odd = { ...input({ principal: { id } }), session: asked };
        expect(['allow', 'deny']).toContain(evaluate(compiled, odd).decision);
      }),
    );
  });
});

const sized = (length: number) => input({ context: { actor_claims: { a: 'x'.repeat(length) } } });

describe('an input that is too large', () => {
  test('denies, and says what it is and may be', () => {
    expect(evaluate(set(PERMIT), sized(31_000)).decision).toBe('allow');
    expect(evaluate(set(PERMIT), sized(33_000))).toMatchObject({
      decision: 'deny',
      evaluationStatus: 'error',
      determiningPolicies: [],
      diagnostics: [{ limit: 'input', message: expect.stringContaining('more than 32768') }],
    });
  });
});

describe('what the engine holds', () => {
  test('is bounded in text, and evicted sets still decide', () => {
    const padding = ' '.repeat(32_000);
    const sets = Array.from({ length: 300 }, () =>
      set(`permit(principal, action, ${padding} resource);`),
    );
    for (const each of [...sets, ...sets]) expect(evaluate(each, input()).decision).toBe('allow');
    expect(residency().text).toBeLessThanOrEqual(8 * 1024 * 1024);
  });

  test('is lost with the engine, which is replaced after any exception', () => {
    const compiled = set(PERMIT);
    evaluate(compiled, input());
    const parens = `${'('.repeat(3000)}true${')'.repeat(3000)}`;
    const fatal = PERMIT.replace(';', `when { ${parens} };`);
    expect(() => withCedar((cedar) => cedar.policySetTextToParts(fatal))).toThrow();
    expect(residency()).toEqual({ sets: 0, text: 0 });
    expect(evaluate(compiled, input()).decision).toBe('allow');
  });

  test('is bounded in sets, and given back on release', () => {
    const sets = Array.from({ length: RESIDENT_SETS_LIMIT + 100 }, () => set(PERMIT));
    for (const each of sets) expect(evaluate(each, input()).decision).toBe('allow');
    expect(residency().sets).toBe(RESIDENT_SETS_LIMIT);
    for (const each of sets) release(each);
    expect(residency().sets).toBeLessThan(100);
  });
});
