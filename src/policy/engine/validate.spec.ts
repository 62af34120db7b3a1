import { describe, expect, test } from 'vitest';
import { compile } from './compile.js';
import { evaluate } from './evaluate.js';
import { input } from '../policy.fixture.js';
import { validate } from './validate.js';
import { zoneSchema } from './zone-schema.js';

function validated(content: string, extension?: string) {
  return validate([{ id: 'module', content }], zoneSchema(extension));
}

const when = (condition: string) =>
  `@id("p") permit(principal, action, resource) when { ${condition} };`;

describe('validate', () => {
  test('finds nothing wrong with a careful policy', () => {
    const careful = `@id("read") @reason("reading is fine") @public @max_ttl("300")
      permit(principal is Application, action == Action::"TokenExchange", resource == Resource::"https://a")
      when {
        principal has labels && principal.labels.contains("blue") &&
        resource.scopes.containsAll(context.requested_scopes) &&
        context has subject_claims.sub_type && context.subject_claims.sub_type == "user" &&
        !(context.actor_claims has act.act.act)
      };`;
    expect(validated(careful)).toEqual({ errors: [], warnings: [] });
  });

  test('says once what is wrong for each action', () => {
    const wrong = '@id("p") forbid(principal, action, resource) when { context.nope };';
    expect(validated(wrong).errors).toHaveLength(1);
    const onlyOne = wrong.replace('action', 'action == Action::"Introspect"');
    expect(validated(onlyOne).errors).toMatchObject([
      { message: expect.stringContaining('Action::"Introspect"') },
    ]);
  });

  test('says that a permit of introspection adds nothing', () => {
    const forbid = '@id("p") forbid(principal, action == Action::"Introspect", resource);';
    expect(validated(forbid)).toEqual({ errors: [], warnings: [] });
    for (const head of ['== Action::"Introspect"', 'in [Action::"Introspect"]']) {
      const permit = `@id("p") permit(principal, action ${head}, resource);`;
      expect(validated(permit)).toMatchObject({
        errors: [],
        warnings: [{ policy: 'p', message: 'a permit of Action::"Introspect" adds nothing' }],
      });
    }
    const both = '@id("p") permit(principal, action, resource);';
    expect(validated(both).warnings).toEqual([]);
  });

  test('says which policy is wrong, where, and what to do', () => {
    const text = `// é€😀\n${when('true')}\n  @reason("😀") @id("q") permit(principal, action, resource) when { "é" == context.nope };`;
    expect(validated(text).errors).toEqual([
      {
        policy: 'q',
        module: 'module',
        message: expect.stringMatching(/^attribute `nope` in context .* not found/),
        help: expect.any(String),
        line: 3,
        column: expect.any(Number),
      },
    ]);
    const [{ column = 0 } = {}] = validated(text).errors;
    expect(text.split('\n')[2]?.slice(column - 1)).toMatch(/^(?:"é" == )?context\.nope/);
  });

  test.each([
    ['an optional attribute unguarded', 'principal.labels.contains("x")', /has labels/],
    ['a comparison of unlike types', 'principal.id == 3', /compatible types/],
    ['an unknown claim', 'context.department == "x"', /did you mean/],
    ['an unknown entity type', 'principal in Resorce::"g"', /did you mean `Resource`/],
  ])('refuses %s', (_, condition, help) => {
    const { errors } = validated(when(condition));
    expect(errors.map((error) => error.help ?? '').join()).toMatch(help);
  });

  test('takes a claim that the zone declares', () => {
    const asks = when(
      'context has subject_claims.department && context.subject_claims.department == "x"',
    );
    expect(validated(asks).warnings).toMatchObject([
      { message: expect.stringContaining('impossible') },
    ]);
    const extension = 'type SubjectClaims = { department?: String };';
    expect(validated(asks, extension)).toEqual({ errors: [], warnings: [] });
  });

  test('warns of what can never match, and of what only looks like something else', () => {
    expect(validated(when('false')).warnings).toMatchObject([
      { policy: 'p', line: 1, column: 1, message: expect.stringContaining('impossible') },
    ]);
    expect(validated(when('principal.id == "рaypаl"')).warnings).toMatchObject([
      { message: expect.stringContaining('mixed scripts') },
    ]);
    expect(
      validated('@id("p") @MaxTTL("5") permit(principal, action, resource);').warnings,
    ).toMatchObject([{ policy: 'p', help: 'did you mean @max_ttl?' }]);
  });

  test('wants an @id, unless told otherwise', () => {
    const bare = 'permit(principal, action, resource);';
    expect(validated(`\n${bare}`).errors).toMatchObject([
      { policy: 'module', line: 2, message: expect.stringContaining('@id') },
    ]);
    const modules = [{ id: 'module', content: bare }];
    expect(validate(modules, zoneSchema(), { requireIds: false }).errors).toEqual([]);
  });

  test('wants each @id once', () => {
    expect(validated(when('true') + when('true')).errors).toMatchObject([
      { policy: 'p', message: expect.stringContaining('another policy') },
    ]);
  });

  test('says what does not compile as compile says it', () => {
    expect(validated('\n permit(')).toMatchObject({ errors: [{ policy: 'module', line: 2 }] });
  });

  test.each([
    ['attributes', `context.actor_claims has ${Array(58).fill('act').join('.')}`],
    ['sums', `${'1 + '.repeat(58)}1 == 59`],
    ['a chain', Array(60).fill('context.challenge_resolved').join(' || ')],
    ['conditions', `${'if context.challenge_resolved then true else '.repeat(60)}true`],
    ['sets', `${'['.repeat(28)}1${']'.repeat(28)} == ${'['.repeat(28)}1${']'.repeat(28)}`],
    ['records', `${'{a: '.repeat(60)}1${'}'.repeat(60)} == {a: 1}`],
    ['parentheses', `${'('.repeat(60)}true${')'.repeat(60)}`],
    ['negations', `${'!('.repeat(30)}true${')'.repeat(30)}`],
  ])('stands what compiles: %s', (_, expression) => {
    const said = JSON.stringify(deep(300, () => validated(when(expression))));
    expect(said).not.toMatch(/stack|memory|unreachable/);
  });
});

test('a claim beyond the schema does not keep a request from being decided', () => {
  const content = when('context has subject_claims.sub && context.subject_claims.sub == "u"');
  const set = compile([{ id: 'module', content }]);
  const subject_claims = { sub: 'u', surprise: [{ a: [1, 'x'] }], exp: 'never' };
  expect(evaluate(set, input({ context: { subject_claims } })).decision).toBe('allow');
});

function deep<T>(levels: number, call: () => T): T {
  if (levels === 0) return call();
  const result = deep(levels - 1, call);
  return result;
}
