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
  const waits = new LockWaits({ pausesMs: [0, 1, 1, 1], maxOfZone: 1 });
  const held = heldFor(2);
  expect(await waits.insist('a', held.attempt)).toBe('done');
  expect(held.attempts()).toBe(3);
});

test('gives up after the last attempt', async () => {
  const waits = new LockWaits({ pausesMs: [0, 1, 1], maxOfZone: 1 });
  const held = heldFor(Infinity);
  await expect(waits.insist('a', held.attempt)).rejects.toThrow(LockHeld);
  expect(held.attempts()).toBe(3);
});

test('refuses at once what would be too many of one zone, and nothing of another', async () => {
  const waits = new LockWaits({ pausesMs: [0, 1], maxOfZone: 2 });
  const held = heldFor(Infinity);
  const refused = heldFor(0);
  const waiting = [waits.insist('a', held.attempt), waits.insist('a', held.attempt)];
  const ends = waiting.map((one) => expect(one).rejects.toThrow(LockHeld));
  await expect(waits.insist('a', refused.attempt)).rejects.toThrow(LockHeld);
  expect(refused.attempts()).toBe(0);
  expect(await waits.insist('b', heldFor(1).attempt)).toBe('done');
  await Promise.all(ends);
  // Whoever has left makes room, also after a failure.
  await expect(waits.insist('a', () => Promise.reject(new Error('away')))).rejects.toThrow('away');
  expect(await waits.insist('a', heldFor(1).attempt)).toBe('done');
});
