import { expect, test } from 'vitest';
import { LockHeld, LockWaits } from './lock-waits.js';

/** Attempts that find the lock held so often. */
function heldFor(times: number) {
  let attempts = 0;
  return {
    attempt: () => Promise.resolve(attempts++ < times ? null : 'done'),
    attempts: () => attempts,
  };
}

test('tries again until the lock is gone', async () => {
  const waits = new LockWaits({ pausesMs: [0, 1, 1, 1], uncounted: 1, maxOfZone: 1 });
  const held = heldFor(2);
  expect(await waits.insist('a', held.attempt)).toBe('done');
  expect(held.attempts()).toBe(3);
});

test('gives up after the last attempt', async () => {
  const waits = new LockWaits({ pausesMs: [0, 1, 1], uncounted: 1, maxOfZone: 1 });
  const held = heldFor(Infinity);
  await expect(waits.insist('a', held.attempt)).rejects.toThrow(LockHeld);
  expect(held.attempts()).toBe(3);
});

test('refuses what would be too many of one zone, and nothing of another', async () => {
  const waits = new LockWaits({ pausesMs: [0, 1], uncounted: 1, maxOfZone: 2 });
  const held = heldFor(Infinity);
  const late = heldFor(1);
  const waiting = [held, held, late].map(({ attempt }) => waits.insist('a', attempt));
  const ends = Promise.all(waiting.map((one) => expect(one).rejects.toThrow(LockHeld)));
  expect(await waits.insist('b', heldFor(1).attempt)).toBe('done');
  await ends;
  expect(late.attempts()).toBe(1);
  // Whoever has left makes room, also after a failure.
  let tries = 0;
  const fails = () => (tries++ === 0 ? Promise.resolve(null) : Promise.reject(new Error('away')));
  for (let i = 0; i < 2; i += 1) {
    tries = 0;
    await expect(waits.insist('a', fails)).rejects.toThrow('away');
  }
  const room = [1, 1].map((times) => waits.insist('a', heldFor(times).attempt));
  expect(await Promise.all(room)).toEqual(['done', 'done']);
});

test('refuses none of those that meet a lock which is gone after the first attempts', async () => {
  const waits = new LockWaits({ pausesMs: [0, 1, 1], uncounted: 2, maxOfZone: 2 });
  // As many as a zone may have in flight when its gate closes.
  const met = Array.from({ length: 256 }, () => waits.insist('a', heldFor(1).attempt));
  expect(new Set(await Promise.all(met))).toEqual(new Set(['done']));
});
