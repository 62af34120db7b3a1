import * as fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { DecisionMemory, memoryLimits } from './decision-memory.js';
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
    const memory = new DecisionMemory(memoryLimits(1));
    const { decisions, checked, logged, from } = remembering(997, memory);
    const [forbid, other] = [set('@id("no") forbid(principal, action, resource);'), compiled()];
    const zones = [
      ['zone', forbid],
      ['zone-1', forbid],
      ['zone-2', other],
    ] as const;
    for (const [zone, each] of zones) await decisions.decide(zone, each, [input()]);
    // As if what the policy reads had not all been in the key.
    const key = inquire(forbid, [input()])[0]?.key() ?? '';
    memory.remember('zone-1', forbid, key, evaluate(other, input()));
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
    await decisions.decide('zone-2', other, [input()]);
    expect(await from('memory')).toBe(remembered + 1);
  });

  test('for which there was no time is counted, and another one is made again later', async () => {
    const { decisions, checked, logged } = remembering(1);
    const permit = compiled();
    const ask = () => decisions.decide('zone', permit, [input()]);
    await ask();
    // Nobody asks it for what is remembered.
    const parts = vi.spyOn(permit.slices, 'partsFor').mockImplementation(() => {
      throw new Error('busy');
    });
    await ask();
    await expect.poll(() => checked('failed')).toBe(1);
    parts.mockRestore();
    await expect
      .poll(async () => {
        await ask();
        return checked('same');
      })
      .toBeGreaterThan(0);
    expect([await checked('different'), logged]).toEqual([0, []]);
  });
});

test('nothing is remembered where that is turned off', async () => {
  const { decisions, from } = remembering(1, null);
  const permit = set(PERMIT);
  const keys = vi.spyOn(permit.slices, 'readBy');
  for (let count = 1; count <= 3; count += 1) {
    expect(await decisions.decide('zone', permit, [input()])).toMatchObject([
      { decision: 'allow' },
    ]);
  }
  expect([await from('cedar'), await from('memory')]).toEqual([3, 0]);
  expect(keys).not.toHaveBeenCalled();
});
