import { expect, test } from 'vitest';
import type { ZoneSnapshot } from './zone-snapshot.js';
import { SnapshotMemory } from './snapshot-memory.js';

const setOf = (textBytes: number) => ({ textBytes });

function snapshot(zoneId: string, weight: number, compiled?: object): ZoneSnapshot {
  const policy = compiled === undefined ? { status: 'none' } : { status: 'ready', compiled };
  return { zoneId, weight, policy } as never;
}

const idsIn = (memory: SnapshotMemory) =>
  [...memory.values()].map(({ zoneId }) => zoneId).toSorted();

test('the zone goes that was used longest ago, as soon as there is no room', () => {
  const memory = new SnapshotMemory(1_000);
  for (const id of ['a', 'b', 'c']) memory.set(id, snapshot(id, 300));
  memory.get('a');
  memory.peek('b');
  memory.set('d', snapshot('d', 300));
  expect(idsIn(memory)).toEqual(['a', 'c', 'd']);
  expect(memory.bytes).toBe(900);
  memory.set('large', snapshot('large', 700));
  expect(idsIn(memory)).toEqual(['d', 'large']);
});

test('zones that share a set of policies weigh it once, for as long as one of them is there', () => {
  const memory = new SnapshotMemory(10_000);
  const [shared, own] = [setOf(100), setOf(50)];
  memory.set('a', snapshot('a', 10, shared));
  memory.set('b', snapshot('b', 10, shared));
  memory.set('c', snapshot('c', 10, own));
  expect(memory.bytes).toBe(30 + 1_000 + 500);
  memory.delete('a');
  expect(memory.bytes).toBe(20 + 1_000 + 500);
  // Read anew, with another set.
  memory.set('b', snapshot('b', 10, own));
  expect(memory.bytes).toBe(20 + 500);
  memory.clear();
  expect([memory.bytes, memory.size]).toEqual([0, 0]);
});

test('sets of policies count against the budget, too', () => {
  const memory = new SnapshotMemory(10_000);
  for (const id of ['a', 'b', 'c']) memory.set(id, snapshot(id, 10, setOf(400)));
  expect(idsIn(memory)).toEqual(['b', 'c']);
});

test('what is larger than the whole budget is used and not kept, and pushes out nothing', () => {
  const memory = new SnapshotMemory(1_000);
  memory.set('a', snapshot('a', 300));
  memory.set('huge', snapshot('huge', 2_000, setOf(10)));
  expect(memory.get('huge')).toBeUndefined();
  memory.set('policies', snapshot('policies', 10, setOf(5_000)));
  memory.set('both', snapshot('both', 600, setOf(50)));
  expect(idsIn(memory)).toEqual(['a']);
  expect(memory.bytes).toBe(300);
});

test('no order of zones coming and going leaves a weight behind', () => {
  const memory = new SnapshotMemory(5_000);
  const sets = [setOf(10), setOf(100), setOf(200)];
  for (let n = 0; n < 5_000; n += 1) {
    const id = `zone ${(n * 7) % 23}`;
    if (n % 5 === 0) memory.delete(id);
    else memory.set(id, snapshot(id, (n * 31) % 900, sets[n % 4]));
    expect(memory.bytes).toBeLessThanOrEqual(5_000);
  }
  memory.clear();
  expect(memory.bytes).toBe(0);
});
