import { describe, expect, test } from 'vitest';
import { DecisionMemory, memoryLimits } from './decision-memory.js';
import { evaluate, type Verdict } from './engine/evaluate.js';
import { input, set } from './policy.fixture.js';

const PERMIT = 'permit(principal, action, resource);';
const LIMITS = { bytesOfZone: 4_000, bytes: 12_000, bytesOfDecision: 2_000, zones: 100 };

const compiled = set(PERMIT);
const verdict = (reason = 'r'): Verdict => ({
  decision: 'allow',
  determiningPolicies: [{ policy: 'm0', effect: 'permit', reason }],
  diagnostics: [],
  evaluationStatus: 'complete',
});

/** Has a zone asked so many different things. */
function fill(memory: DecisionMemory, zone: string, decisions: number): void {
  for (let n = 0; n < decisions; n += 1) memory.remember(zone, compiled, `${n}`, verdict());
}

/** How many of so many are remembered. */
const left = (memory: DecisionMemory, zone: string, decisions: number): number =>
  Array.from({ length: decisions }, (_, n) => memory.recall(zone, compiled, `${n}`)).filter(Boolean)
    .length;

describe('what is remembered', () => {
  test('is of one zone, of one set, under one key', () => {
    const memory = new DecisionMemory(LIMITS);
    // Parsed from the same text, as after it was dropped and compiled again: its parts may have other numbers.
    const again = set(PERMIT);
    memory.remember('zone', compiled, 'a', verdict());
    expect(memory.recall('zone', compiled, 'a')).toEqual(verdict());
    expect(memory.recall('zone', compiled, 'b')).toBeUndefined();
    expect(memory.recall('zone', again, 'a')).toBeUndefined();
    expect(memory.recall('other', compiled, 'a')).toBeUndefined();
  });

  test('tells the sets of one version apart, and keeps what both have decided', () => {
    const memory = new DecisionMemory(LIMITS);
    const whole = set(PERMIT, 'forbid(principal, action == Action::"Introspect", resource);');
    const { ofIntrospection } = whole;
    if (ofIntrospection === null) throw new Error('nothing is about introspection');
    memory.remember('zone', whole, 'a', verdict('of exchanges'));
    memory.remember('zone', ofIntrospection, 'a', verdict('of introspection'));
    expect(memory.recall('zone', whole, 'a')).toEqual(verdict('of exchanges'));
    expect(memory.recall('zone', ofIntrospection, 'a')).toEqual(verdict('of introspection'));
  });

  test('ends when the zone has another set', () => {
    const memory = new DecisionMemory(LIMITS);
    const next = set('forbid(principal, action, resource);');
    fill(memory, 'zone', 3);
    fill(memory, 'other', 3);
    memory.remember('zone', next, 'a', verdict());
    expect(left(memory, 'zone', 3)).toBe(0);
    expect(memory.recall('zone', next, 'a')).toBeDefined();
    // One request that began before may end after the change: again one set is remembered.
    fill(memory, 'zone', 3);
    expect(memory.recall('zone', next, 'a')).toBeUndefined();
    expect([left(memory, 'zone', 3), left(memory, 'other', 3)]).toEqual([3, 3]);
  });

  test('cannot be changed by whoever recalls it', () => {
    const memory = new DecisionMemory(LIMITS);
    memory.remember('zone', compiled, 'a', verdict());
    const recalled = memory.recall('zone', compiled, 'a');
    expect(() => Object.assign(recalled ?? {}, { decision: 'deny' })).toThrow(TypeError);
    expect(() => Object.assign(recalled?.determiningPolicies[0] ?? {}, { policy: 'x' })).toThrow();
    expect(() => Object.assign(recalled?.diagnostics ?? {}, { 0: 'x' })).toThrow(TypeError);
  });

  test('is no error', () => {
    const memory = new DecisionMemory(LIMITS);
    const erring = set('permit(principal, action, resource) when { context.absent };');
    memory.remember('zone', erring, 'a', evaluate(erring, input()));
    expect(memory.recall('zone', erring, 'a')).toBeUndefined();
  });

  test('is nothing large', () => {
    const memory = new DecisionMemory(LIMITS);
    memory.remember('zone', compiled, 'a', verdict('x'.repeat(2_000)));
    expect(memory.recall('zone', compiled, 'a')).toBeUndefined();
    expect(memory.bytes).toBe(0);
  });
});

describe('what is asked of one zone', () => {
  test('pushes out its own decisions, those that were recalled longest ago first', () => {
    const memory = new DecisionMemory(LIMITS);
    memory.remember('other', compiled, 'kept', verdict());
    for (let n = 0; n < 1_000; n += 1) {
      memory.remember('zone', compiled, `${n}`, verdict());
      expect(memory.recall('zone', compiled, '0')).toBeDefined();
    }
    expect(memory.recall('zone', compiled, '1')).toBeUndefined();
    expect(memory.recall('other', compiled, 'kept')).toBeDefined();
    expect(memory.bytes).toBeLessThanOrEqual(LIMITS.bytesOfZone + 1_000);
  });

  test('takes nothing from zones that have less, however many flood, and however often', () => {
    const memory = new DecisionMemory(LIMITS);
    // Asked before all others, and never again.
    fill(memory, 'quiet', 2);
    for (let round = 0; round < 3; round += 1) {
      for (let zone = 0; zone < 6; zone += 1) {
        fill(memory, `flood ${zone}`, 100);
        expect(memory.bytes).toBeLessThanOrEqual(LIMITS.bytes);
        expect(memory.recall(`flood ${zone}`, compiled, '99')).toBeDefined();
      }
    }
    expect(left(memory, 'quiet', 2)).toBe(2);
    // Those that flood have about the same.
    const have = Array.from({ length: 6 }, (_, zone) => left(memory, `flood ${zone}`, 100));
    expect(Math.min(...have)).toBeGreaterThan(0);
    expect(Math.max(...have)).toBeLessThan(2 * Math.min(...have) + 2);
  });

  test('is of so many zones at most', () => {
    const memory = new DecisionMemory({ ...LIMITS, zones: 2 });
    for (const zone of ['one', 'two', 'three']) fill(memory, zone, 1);
    expect(['one', 'two', 'three'].map((zone) => left(memory, zone, 1))).toEqual([0, 1, 1]);
  });

  test('by several workers has the room of one together', () => {
    const [one, four] = [memoryLimits(1), memoryLimits(4)];
    expect([4 * four.bytes, 4 * four.zones]).toEqual([one.bytes, one.zones]);
    expect(memoryLimits(256).bytes).toBe(one.bytesOfZone);
  });
});

test('a set that is distrusted is forgotten in all zones and never remembered again, and others are', () => {
  const memory = new DecisionMemory(LIMITS);
  const other = set('forbid(principal, action, resource);');
  for (const zone of ['one', 'two']) memory.remember(zone, compiled, 'a', verdict());
  memory.remember('three', other, 'a', verdict());
  memory.distrust(compiled);
  memory.remember('one', compiled, 'a', verdict());
  for (const zone of ['one', 'two']) expect(memory.recall(zone, compiled, 'a')).toBeUndefined();
  expect(memory.recall('three', other, 'a')).toBeDefined();
  memory.distrust(other);
  expect(memory.bytes).toBe(0);
});
