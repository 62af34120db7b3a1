import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { evaluate, release } from './engine/evaluate.js';
import { inquire } from './engine/inquiry.js';
import { input, set } from './policy.fixture.js';
import { policies, requests } from './random-policies.fixture.js';
import { remembering } from './remembering.fixture.js';

const PERMIT = 'permit(principal, action, resource);';

/** Random sets and inputs; `POLICY_RUNS=500` for the whole proof. */
const RUNS = Number(process.env['POLICY_RUNS'] ?? 100);

describe('what is remembered', () => {
  test('is what would be decided now, whatever the policies and the inputs', async () => {
    const seen = new Set<string>();
    let hits = 0;
    await fc.assert(
      fc.asyncProperty(policies, requests, async (contents, asked) => {
        const compiled = set(...contents);
        const { decisions, from, checked } = remembering();
        for (const inputs of asked) {
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
    const { decisions, checked, logged } = remembering(3);
    const permit = compiled();
    await decisions.decide('zone', permit, [input()]);
    for (let recalled = 1; recalled <= 10; recalled += 1) {
      await decisions.decide('zone', permit, [input()]);
      await expect.poll(() => checked('same')).toBe(Math.ceil(recalled / 3));
    }
    expect([await checked('different'), logged]).toEqual([0, []]);
  });

  test('that differs is counted and logged, and nothing is remembered of that set any more', async () => {
    const { decisions, memory, checked, logged, from } = remembering();
    const [forbid, other] = [set('@id("no") forbid(principal, action, resource);'), compiled()];
    for (const each of [forbid, other]) await decisions.decide('zone', each, [input()]);
    // As if what the policy reads had not all been in the key.
    const key = inquire(forbid, [input()])[0]?.key() ?? '';
    memory.remember(forbid, key, evaluate(other, input()));
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
