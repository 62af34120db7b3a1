import { describe, expect, test } from 'vitest';
import { BackgroundFailure } from './background.js';
import { DecisionThreads, type DecisionLimits } from './decision-threads.js';

const LIMITS: DecisionLimits = {
  threads: 1,
  timeMs: 60_000,
  waitMs: 60_000,
  memoryMb: 64,
  queuedPerZone: 10,
};

/** Threads, and decisions that stay in their turn until they are let go. */
function rig(limits: Partial<DecisionLimits> = {}) {
  const threads = new DecisionThreads({ ...LIMITS, ...limits });
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  const decide = (zone: string, name: string) =>
    threads.decide(zone, (takeTurn) =>
      takeTurn(async () => {
        begun.push(name);
        await new Promise<void>((resolve) => ends.set(name, resolve));
        return name;
      }),
    );
  const end = async (name: string) => {
    await expect.poll(() => ends.has(name)).toBe(true);
    ends.get(name)?.();
  };
  return { decide, begun, end, threads };
}

describe('zones take turns', () => {
  test('so that one that asks a hundred times lets the next one in after one more', async () => {
    const { decide, begun, end } = rig();
    const asked = ['a1', 'a2', 'a3'].map((name) => decide('a', name));
    asked.push(decide('b', 'b1'), decide('c', 'c1'));
    for (const name of ['a1', 'a2', 'b1', 'c1', 'a3']) await end(name);
    expect(begun).toEqual(['a1', 'a2', 'b1', 'c1', 'a3']);
    expect(await Promise.all(asked)).toEqual(['a1', 'a2', 'a3', 'b1', 'c1']);
  });

  test('and have one thread each, so that one that holds it for long leaves another', async () => {
    const { decide, begun, end } = rig({ threads: 2 });
    const asked = [decide('a', 'a1'), decide('a', 'a2'), decide('b', 'b1')];
    await expect.poll(() => begun).toEqual(['a1', 'b1']);
    asked.push(decide('c', 'c1'));
    await end('b1');
    await expect.poll(() => begun).toEqual(['a1', 'b1', 'c1']);
    for (const name of ['a1', 'c1', 'a2']) await end(name);
    await Promise.all(asked);
    expect(begun).toEqual(['a1', 'b1', 'c1', 'a2']);
  });

  test('also within a decision: each of its turns is behind what others asked meanwhile', async () => {
    const { threads, decide, end, begun } = rig();
    const long = threads.decide('a', async (takeTurn) => {
      for (const name of ['first', 'second']) {
        await takeTurn(async () => {
          begun.push(name);
          await new Promise(setImmediate);
        });
      }
    });
    const other = decide('b', 'b1');
    await expect.poll(() => begun).toEqual(['first', 'b1']);
    await end('b1');
    await Promise.all([long, other]);
    expect(begun).toEqual(['first', 'b1', 'second']);
  });
});

test('a decision that fails leaves its thread to the next', async () => {
  const { threads, decide, end } = rig();
  const failing = threads.decide('a', (takeTurn) =>
    takeTurn(() => Promise.reject(new BackgroundFailure('time'))),
  );
  await expect(failing).rejects.toMatchObject({ reason: 'time' });
  const next = decide('a', 'a2');
  await end('a2');
  expect(await next).toBe('a2');
});

test('of one zone so many may wait, of another as many again', async () => {
  const { decide, end } = rig({ queuedPerZone: 2 });
  const asked = [decide('a', 'a1'), decide('a', 'a2'), decide('b', 'b1'), decide('b', 'b2')];
  await expect(decide('a', 'a3')).rejects.toMatchObject({ reason: 'busy' });
  for (const name of ['a1', 'a2', 'b1', 'b2']) await end(name);
  await Promise.all(asked);
  const again = decide('a', 'a4');
  await end('a4');
  expect(await again).toBe('a4');
});

test('a turn that comes when its caller has gone is not taken', async () => {
  const { threads } = rig({ waitMs: -1 });
  let taken = 0;
  const failing = threads.decide('a', (takeTurn) => takeTurn(async () => (taken += 1)));
  await expect(failing).rejects.toMatchObject({ reason: 'busy' });
  expect(taken).toBe(0);
});
