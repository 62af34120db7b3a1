import { describe, expect, test } from 'vitest';
import { withCedar } from './engine.js';
import { costOf, type Cost } from './cost.js';

/** The cost of a policy with this condition. */
function cost(condition: string): Cost {
  const text = `permit(principal, action, resource) when { ${condition} };`;
  const answer = withCedar((cedar) => cedar.policyToJson(text));
  if (answer.type === 'failure') throw new Error(answer.errors.map(String).join());
  return costOf(answer.json);
}

const times = (count: number, text: string) => Array(count).fill(text).join();

describe('the cost of a policy', () => {
  test('is little for what policies usually say', () => {
    for (const usual of [
      'principal.zone_id == "zone-1"',
      '["a:read"].containsAll(context.requested_scopes)',
      'context has subject_claims.sub && context.subject_claims.sub == "alice"',
      'resource.identifier like "https://prod.example/*"',
      'context has time && context.time.hour >= 8 && context.time.hour < 18',
    ]) {
      const { fixed, perByte } = cost(usual);
      expect(fixed + 2_000 * perByte, usual).toBeLessThan(300_000);
    }
  });

  test('is by the input only where the input is walked', () => {
    expect(cost('principal.zone_id == "zone-1"').perByte).toBe(0);
    expect(cost('context has subject_claims && true').perByte).toBe(0);
    expect(cost('context == context').perByte).toBeGreaterThan(0);
  });

  test.each([
    ['members of a set', (n: number) => `[${times(n, 'context')}].contains(2)`],
    ['members of records in a set', (n: number) => `[${times(n, '{a: context}')}].contains(2)`],
    ['what all of is looked for', (n: number) => `[1].containsAll([${times(n, 'context')}])`],
    ['what any of is looked for', (n: number) => `[1].containsAny([${times(n, 'context')}])`],
    ['a pattern', (n: number) => `context.request_path like "*${'x'.repeat(n)}y"`],
    ['a branch', (n: number) => `(if true then [${times(n, 'context')}] else [1]).isEmpty()`],
  ])('grows with %s, by the input', (_, make) => {
    expect(cost(make(1_000)).perByte).toBeGreaterThan(9 * cost(make(100)).perByte);
  });

  test.each([
    ['literals', (n: number) => `[${times(n, '"abc"')}].contains("abd")`],
    ['groups', (n: number) => `principal in [${times(n, 'Group::"abc"')}]`],
    ['calls', (n: number) => `[${times(n, 'decimal("1.0")')}].contains(decimal("2.0"))`],
  ])('grows with %s, whatever the input', (_, make) => {
    expect(cost(make(1_000)).fixed).toBeGreaterThan(5 * cost(make(100)).fixed);
    expect(cost(make(1_000)).perByte).toBeLessThan(10_000);
  });

  test('is that of the whole, in whichever clause', () => {
    const text =
      'permit(principal, action, resource) when { true } unless { [context, context].contains(1) };';
    const answer = withCedar((cedar) => cedar.policyToJson(text));
    if (answer.type === 'failure') throw new Error('it does not parse');
    expect(costOf(answer.json).perByte).toBe(cost('[context, context].contains(1)').perByte);
  });
});
