import { describe, expect, test } from 'vitest';
import { DecisionMemory } from './decision-memory.js';
import { evaluate, type Verdict } from './engine/evaluate.js';
import { input, set } from './policy.fixture.js';

const PERMIT = 'permit(principal, action, resource);';
const LIMITS = { bytesOfSet: 4_000, bytes: 12_000, bytesOfDecision: 2_000, sets: 100 };

const compiled = set(PERMIT);
const verdict = (reason = 'r'): Verdict => ({
  decision: 'allow',
  determiningPolicies: [{ policy: 'm0', effect: 'permit', reason }],
  diagnostics: [],
  evaluationStatus: 'complete',
});

describe('what is remembered', () => {
  test('is of one set, under one key, until it is forgotten', () => {
    const memory = new DecisionMemory(LIMITS);
    const other = set(PERMIT);
    memory.remember(compiled, 'a', verdict());
    expect(memory.recall(compiled, 'a')).toEqual(verdict());
    expect(memory.recall(compiled, 'b')).toBeUndefined();
    expect(memory.recall(other, 'a')).toBeUndefined();
    memory.forget(compiled);
    expect(memory.recall(compiled, 'a')).toBeUndefined();
    expect(memory.bytes).toBe(0);
  });

  test('cannot be changed by whoever recalls it', () => {
    const memory = new DecisionMemory(LIMITS);
    memory.remember(compiled, 'a', verdict());
    const recalled = memory.recall(compiled, 'a');
    expect(() => Object.assign(recalled ?? {}, { decision: 'deny' })).toThrow(TypeError);
    expect(() => Object.assign(recalled?.determiningPolicies[0] ?? {}, { policy: 'x' })).toThrow();
    expect(() => Object.assign(recalled?.diagnostics ?? {}, { 0: 'x' })).toThrow(TypeError);
  });

  test('is no error', () => {
    const memory = new DecisionMemory(LIMITS);
    const erring = set('permit(principal, action, resource) when { context.absent };');
    memory.remember(erring, 'a', evaluate(erring, input()));
    expect(memory.recall(erring, 'a')).toBeUndefined();
  });

  test('is nothing large', () => {
    const memory = new DecisionMemory(LIMITS);
    memory.remember(compiled, 'a', verdict('x'.repeat(2_000)));
    expect(memory.recall(compiled, 'a')).toBeUndefined();
    expect(memory.bytes).toBe(0);
  });
});

describe('what is asked of one set', () => {
  test('pushes out its own decisions, those that were recalled longest ago first', () => {
    const memory = new DecisionMemory(LIMITS);
    const other = set(PERMIT);
    memory.remember(other, 'kept', verdict());
    for (let n = 0; n < 1_000; n += 1) {
      memory.remember(compiled, `${n}`, verdict());
      expect(memory.recall(compiled, '0')).toBeDefined();
    }
    expect(memory.recall(compiled, '1')).toBeUndefined();
    expect(memory.recall(other, 'kept')).toBeDefined();
    expect(memory.bytes).toBeLessThanOrEqual(LIMITS.bytesOfSet + 1_000);
  });

  test('makes room by the set that was asked longest ago, beyond what there is for all', () => {
    const memory = new DecisionMemory(LIMITS);
    const sets = Array.from({ length: 8 }, () => set(PERMIT));
    for (const each of sets) {
      for (let n = 0; n < 100; n += 1) memory.remember(each, `${n}`, verdict());
      expect(memory.bytes).toBeLessThanOrEqual(LIMITS.bytes);
      expect(memory.recall(each, '99')).toBeDefined();
    }
    const left = sets.map((each) => memory.recall(each, '99') !== undefined);
    expect(left).toEqual([false, false, false, false, false, true, true, true]);
    for (const each of sets) memory.forget(each);
    expect(memory.bytes).toBe(0);
  });

  test('is of so many sets at most', () => {
    const memory = new DecisionMemory({ ...LIMITS, sets: 2 });
    const [one, two, three] = [set(PERMIT), set(PERMIT), set(PERMIT)];
    for (const each of [one, two, three]) memory.remember(each, 'a', verdict());
    expect([one, two, three].map((each) => memory.recall(each, 'a') !== undefined)).toEqual([
      false,
      true,
      true,
    ]);
  });
});

test('a set that is distrusted is never remembered again, and others are', () => {
  const memory = new DecisionMemory(LIMITS);
  const other = set(PERMIT);
  for (const each of [compiled, other]) memory.remember(each, 'a', verdict());
  memory.distrust(compiled);
  memory.remember(compiled, 'a', verdict());
  expect(memory.recall(compiled, 'a')).toBeUndefined();
  expect(memory.recall(other, 'a')).toBeDefined();
});
