import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { saying } from './progress.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Work that takes so long, and what is said of it. */
async function saidOf(ms: number, outcome: () => string = () => 'made') {
  const said: string[] = [];
  const logger = { info: (...words: unknown[]) => said.push(String(words.at(-1))) };
  const work = saying(logger as never, 'making it', async () => {
    await new Promise((resolve) => setTimeout(resolve, ms));
    return outcome();
  }).catch((error: unknown) => error);
  await vi.advanceTimersByTimeAsync(ms);
  return { said, result: await work };
}

test('what is quick is not spoken of', async () => {
  expect(await saidOf(900)).toEqual({ said: [], result: 'made' });
});

test('what is not quick is, again and again, until it is done', async () => {
  const { said } = await saidOf(12_000);
  expect(said).toEqual([
    'making it …',
    'still making it …',
    'still making it …',
    'making it: done',
  ]);
  expect(vi.getTimerCount()).toBe(0);
});

test('what fails is not done, and is spoken of no longer', async () => {
  const failure = new Error('no');
  const { said, result } = await saidOf(2_000, () => {
    throw failure;
  });
  expect(result).toBe(failure);
  expect(said).toEqual(['making it …']);
  expect(vi.getTimerCount()).toBe(0);
});
