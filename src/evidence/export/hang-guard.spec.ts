import { expect, test } from 'vitest';
import { PlaceUnusable } from './checkpoint-place.js';
import { HangGuard } from './hang-guard.js';

/** Work that hangs until it is let go. */
function hanging() {
  let letGo: (value: string) => void = () => {};
  let begun = 0;
  const ended = new Promise<string>((resolve) => (letGo = resolve));
  const signals: AbortSignal[] = [];
  return {
    work: (signal: AbortSignal) => {
      begun += 1;
      signals.push(signal);
      return ended;
    },
    letGo: () => letGo('at last'),
    begun: () => begun,
    isLate: () => signals.every(({ aborted }) => aborted),
  };
}

test('what hangs is given up, nothing more is begun while it does, and it goes on afterwards', async () => {
  const guard = new HangGuard('the directory', 1);
  const one = hanging();
  await expect(guard.run(one.work)).rejects.toThrow(PlaceUnusable);
  expect(one.isLate()).toBe(true);
  const other = hanging();
  other.letGo();
  await expect(guard.run(other.work)).rejects.toThrow(/^the directory hangs/);
  await expect(guard.run(other.work)).rejects.toThrow(PlaceUnusable);
  expect([one.begun(), other.begun()]).toEqual([1, 0]);
  one.letGo();
  await expect.poll(() => guard.run(other.work).catch(() => null)).toBe('at last');
  expect(other.isLate()).toBe(false);
});

test('work is done one after the other, and fails for itself', async () => {
  const guard = new HangGuard('the directory', 600_000);
  const one = hanging();
  const first = guard.run(one.work);
  const second = guard.run(() => Promise.reject(new Error('no')));
  const third = guard.run(() => Promise.resolve('third'));
  expect(one.begun()).toBe(1);
  one.letGo();
  expect(await first).toBe('at last');
  await expect(second).rejects.toThrow('no');
  expect(await third).toBe('third');
});
