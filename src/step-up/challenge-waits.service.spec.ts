import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { ChallengeWaits } from './challenge-waits.service.js';

test('a wait for a challenge that expires ends when the clock says that it has, and not by a timer that is ahead', async () => {
  const began = performance.now();
  // Slower than timers are, as one that is being set right.
  const clock = { now: () => 1_000_000 + (performance.now() - began) * 0.8 };
  const id = randomUUID();
  const challenge = { id, decision: null, consumedAt: null, expiresAt: new Date(1_000_040) };
  const waits = new ChallengeWaits(
    { findAll: () => Promise.resolve([challenge]) } as never,
    { subscribe: () => {} } as never,
    clock,
    { warn: () => {} } as never,
    { workers: 1 } as never,
    { add: () => {} } as never,
  );
  expect(await waits.find(id, 60_000, new AbortController().signal)).toBe(challenge);
  expect(clock.now()).toBeGreaterThanOrEqual(challenge.expiresAt.getTime());
  // One that may not wait for so long is answered with what is there by then.
  challenge.expiresAt = new Date(9_000_000);
  expect(await waits.find(id, 5, new AbortController().signal)).toBe(challenge);
});
