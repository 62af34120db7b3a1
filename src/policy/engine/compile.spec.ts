import { describe, expect, test } from 'vitest';
import { type CompileFault, UncompilablePolicy, compile, manifestSha256 } from './compile.js';
import { evaluate } from './evaluate.js';
import { input, set } from '../policy.fixture.js';

const PERMIT = 'permit(principal, action, resource);';

function faults(...contents: string[]): readonly CompileFault[] {
  try {
    set(...contents);
  } catch (error) {
    if (error instanceof UncompilablePolicy) return error.errors;
    throw error;
  }
  return [];
}

describe('compile', () => {
  test('names policies by @id, by module, and by place in the module', () => {
    const names = [...set(PERMIT, `${PERMIT} @id("mine") ${PERMIT} ${PERMIT}`).policies.keys()];
    expect(names).toEqual(['m0', 'm1.1', 'mine', 'm1.3']);
  });

  test('keeps the order of the file beyond ten policies', () => {
    const text = Array.from({ length: 23 }, (_, n) => `@reason("${n}")\n${PERMIT} // ${n};`);
    const { policies } = set(text.join('\n'));
    expect([...policies].map(([id, { reason }]) => `${id}=${reason}`)).toEqual(
      text.map((_, n) => `m0.${n + 1}=${n}`),
    );
  });

  test('reads obligations', () => {
    const { policies } = set(
      `@reason("r") @max_ttl("60") ${PERMIT} @step_up("mfa") forbid(principal, action, resource);`,
    );
    expect([...policies.values()]).toEqual([
      { id: 'm0.1', effect: 'permit', reason: 'r', maxTtlSeconds: 60 },
      { id: 'm0.2', effect: 'forbid', stepUp: 'mfa' },
    ]);
  });

  test('reads whether a reason is public', () => {
    const { policies } = set(`@reason("r") @public ${PERMIT} @reason("r") ${PERMIT}`);
    expect([...policies.values()].map((policy) => policy.public)).toEqual([true, undefined]);
  });

  test.each([
    ['0', PERMIT],
    ['-1', PERMIT],
    ['1.5', PERMIT],
    ['', PERMIT],
    ['60s', PERMIT],
    ['60', 'forbid(principal, action, resource);'],
  ])('refuses @max_ttl("%s") on %s', (ttl, policy) => {
    expect(faults(`\n @max_ttl("${ttl}") ${policy}`)).toMatchObject([
      { policy: 'm0', line: 2, column: 2 },
    ]);
  });

  test.each([
    ['@step_up on a permit', `@step_up("mfa") ${PERMIT}`],
    ['@step_up without a type', '@step_up forbid(principal, action, resource);'],
    ['@public without a reason', `@public ${PERMIT}`],
    ['@public with a value', `@reason("r") @public("no") ${PERMIT}`],
    ['@id without a value', `@id ${PERMIT}`],
    ['a template', 'permit(principal == ?principal, action, resource);'],
    ['@public with what an error_description cannot say', `@reason("é") @public ${PERMIT}`],
    ['@public with quotes', `@reason("a \\"b") @public ${PERMIT}`],
    ['@public at length', `@reason("${'x'.repeat(201)}") @public ${PERMIT}`],
    ['a policy that is too large', `permit(principal, action, ${' '.repeat(32 * 1024)} resource);`],
    ['a module that is too large', `// ${'x'.repeat(256 * 1024)}`],
    ['too many policies', ...Array.from({ length: 3 }, () => PERMIT.repeat(4000))],
    ['the same @id twice', `@id("a") ${PERMIT}`, `@id("a") ${PERMIT}`],
    ['a lone surrogate', `@reason("\ud800") ${PERMIT}`],
    ['a string without end', 'permit(principal == User::"'],
  ])('refuses %s', (_, ...contents) => {
    expect(faults(...contents)).not.toEqual([]);
  });

  test('refuses two modules of one id', () => {
    const module = { id: 'a', content: '' };
    expect(() => compile([module, module])).toThrow(UncompilablePolicy);
  });

  test('says where it does not parse, in characters', () => {
    expect(faults('', '// é€😀\n  permit(principal, action, rsource);')).toMatchObject([
      { policy: 'm1', line: 2, column: 29, help: expect.any(String) },
    ]);
  });

  test('says all that Cedar found', () => {
    const bad = PERMIT.replace(';', ' when { nobody };');
    expect(faults(`${bad}\n${bad}`).map(({ line }) => line)).toEqual([1, 2]);
  });

  test.each([
    ['parentheses', `${'('.repeat(3000)}true${')'.repeat(3000)}`],
    ['a chain', Array(20_000).fill('context.a').join(' && ')],
    ['attributes', `context${'.a'.repeat(20_000)}`],
    ['conditions', `${'if true then '.repeat(500)}true${' else false'.repeat(500)}`],
    ['sets', `${'['.repeat(500)}${']'.repeat(500)} == 1`],
    ['attributes between calls', `context${'.contains(1 && 1)'.repeat(500)}`],
    ['text behind a carriage return', `true // \r${' && context.a'.repeat(500)}`],
  ])('refuses what would exhaust the engine, and outlives it: %s', (_, expression) => {
    expect(faults(`permit(principal, action, resource) when { ${expression} };`)).toMatchObject([
      { policy: 'm0', message: expect.stringContaining('levels deep') },
    ]);
    expect(evaluate(set(PERMIT), input()).decision).toBe('allow');
  });

  test.each([
    ['attributes', `context${'.a'.repeat(60)} == 1`],
    ['sums', `${'1 + '.repeat(58)}1 == 59`],
    ['a chain', Array(60).fill('context.challenge_resolved').join(' || ')],
    ['conditions', `${'if context.challenge_resolved then true else '.repeat(60)}true`],
    ['sets', `${'['.repeat(28)}${']'.repeat(28)} == [1]`],
    ['records', `${'{a: '.repeat(60)}1${'}'.repeat(60)} == 1`],
    ['parentheses', `${'('.repeat(60)}true${')'.repeat(60)}`],
  ])('stands what it lets through: %s', (_, expression) => {
    const compiled = set(`permit(principal, action, resource) when { ${expression} };`);
    const before = evaluate(compiled, input());
    expect(before.diagnostics.map((each) => JSON.stringify(each)).join()).not.toMatch(
      /stack|memory/,
    );
    expect(deep(300, () => evaluate(compiled, input()))).toEqual(before);
  });
});

describe('manifestSha256', () => {
  const modules = [
    { id: 'a', content: '1' },
    { id: 'b', content: '2' },
  ];

  test('does not depend on the order of the modules', () => {
    expect(manifestSha256(modules.toReversed())).toBe(manifestSha256(modules));
  });

  test('depends on names, contents and what belongs to what', () => {
    const others = [
      [],
      modules.slice(0, 1),
      [
        { id: 'a', content: '2' },
        { id: 'b', content: '1' },
      ],
      [{ id: 'a', content: '12' }],
    ];
    const hashes = new Set([modules, ...others].map((each) => manifestSha256(each)));
    expect(hashes.size).toBe(5);
  });

  test('does not change between releases', () => {
    expect(manifestSha256([])).toBe(
      '4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945',
    );
  });
});

/** Calls from far down the stack of JavaScript, which the engine shares. */
function deep<T>(levels: number, call: () => T): T {
  if (levels === 0) return call();
  const result = deep(levels - 1, call);
  return result;
}
